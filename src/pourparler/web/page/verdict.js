// The verdict in one sentence, what it rests on that only the reader can know, and the numbered steps behind it.

import { ADVICE, STEPS, VERDICTS, colon, duration, either, instant, number, say, tell, voice, word } from './words.js'
import { MARKS, clean, el, foreign, idNode, mark, quoted, styleOf } from './nodes.js'
import { keyNode, partyNode, partyText, stage, textNode } from './names.js'
import { powersInWords } from './lines.js'
import { voidText } from './acts.js'

const { hex } = pourparler.modules.encoding

const deciding = report => report.steps.find(({ verdict }) => verdict !== 'VALID')

/** What a VALID is conditional on: that the parties, or the ledger, are those that the reader means. Words, or null. */
function condition({ known, judged, ledgerKnown, report }) {
  if (report.verdict !== 'VALID') return null
  const { kind, ledger, parties } = judged.claim
  if (kind === 'recorded') return ledgerKnown ? null : tell('if-ledger', { ids: idNode(ledger.key) })
  const open = parties.filter(party => !Object.hasOwn(known, hex(party)))
  if (!open.length) return null
  const ids = open.map((party, at) => [at ? either(' and ', ' et ') : '', idNode(party)])
  if (open.length === parties.length) return tell(open.length > 1 ? 'if-parties' : 'if-party', { ids })
  return tell('if-other', { known: partyNode(parties.find(party => !open.includes(party))), ids })
}

function claimNodes(claim, verdict) {
  const [party, other] = claim.parties.map(partyNode), begins = claim.kind === 'in-force' && verdict === 'VALID'
  return tell(`claim-${claim.kind}`, {
    party, other, text: claim.text && textNode(claim.text, begins), key: claim.holder && keyNode(claim.holder),
    powers: claim.power && powersInWords(claim.power), act: claim.act && idNode(claim.act),
    ledger: foreign(quoted(claim.ledger.origin)),
  })
}

/** That an act was recorded does not say that it had effect. */
function emptied({ judged: { claim, registry } }) {
  const refusal = claim?.act && registry?.outcomes.get(claim.act)?.void
  return refusal && el('p', { class: 'bad' }, el('strong', {}, voidText(refusal)))
}

function advice({ verdict, reason, claim }, conditional) {
  if (conditional) return word(ADVICE, claim.kind === 'recorded' ? 'CONDITION-LEDGER' : 'CONDITION')
  const names = [reason, `${reason.split('.')[0]}.`, verdict]
  return word(ADVICE, names.find(name => Object.hasOwn(ADVICE, name)))
}

function asOf({ as_of: { index, log_time: time }, claim }) {
  const parts = { index: number(BigInt(index)), ledger: foreign(quoted(claim.ledger.origin)) }
  return time === null ? tell('as-of-no-time', parts) : tell('as-of', { ...parts, time: instant(time) })
}

function age({ as_of: { log_time: time } }, at) {
  if (time === null) return ''
  return say(at < time ? 'age-ahead' : 'age', { age: duration(at - time), now: instant(at) })
}

function because({ number: at, detail: said, reason }) {
  const step = say('because-step', { number: at, name: word(STEPS, at - 1) })
  return [step, said && [colon(), detail(said)], ' ', el('code', {}, `[${reason}]`)]
}

export function verdictNode(found) {
  const { report, judged: { claim }, at } = found, { verdict } = report
  const conditions = condition(found), style = conditions ? 'if' : verdict
  const own = word(VERDICTS, verdict), step = deciding(report)
  const facts = [
    step && [say('because'), because(step)],
    claim && [say('when'), [asOf(report), '. ', age(report, at)]],
    [say('next'), el('strong', {}, advice(report, conditions))],
  ].filter(Boolean)
  return el('div', { 'class': `verdict ${styleOf(style)}`, 'id': 'verdict-card', 'data-verdict': verdict },
    el('p', { class: 'headline' }, el('span', { 'class': 'sign', 'aria-hidden': 'true' }, MARKS[style]),
      el('span', { class: 'saying' }, el('strong', {}, own),
        own !== verdict && el('small', { lang: 'en' }, ` (${verdict})`), conditions && [', ', conditions])),
    el('p', { class: 'claim' },
      claim ? [verdict !== 'VALID' && say('claimed'), claimNodes(claim, verdict)] : say('no-claim')),
    emptied(found),
    el('dl', { class: 'facts' }, facts.map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])))
}

// --- the steps; what the verifier says of them is English

const FRENCH = [
  [/^(\d+) bytes, (\d+) entries$/, (_, bytes, entries) => `${number(+bytes)} octets, ${number(+entries)} inscriptions`],
  [/^(\d+) stamps$/, (_, count) => `${number(+count)} timbres`],
  [/^(\d+) parties$/, (_, count) => `${number(+count)} parties`],
  [/^(\d+) acts, (\d+) of them void$/, (_, acts, hollow) => `${number(+acts)} actes, dont ${number(+hollow)} nuls`],
  [/^(\d+) streams, as of index (\d+)$/, (_, count, index) => `${number(+count)} suites, au rang ${number(+index)}`],
  [/^times are the depositary's word.*$/, () =>
    'les heures sont la parole du dépositaire ; aucun témoin n\'est exigé'],
  [/^the policy's quorum, within.*$/, () => 'le quorum de la règle, dans les délais des registres'],
  [/^(\d+) texts; (\d+) private red lines take no part$/, (_, texts, lines) =>
    `${number(+texts)} textes ; ${number(+lines)} lignes rouges privées n'y entrent pas`],
  [/^the claim rests on no text$/, () => 'l\'énoncé ne repose sur aucun texte'],
  [/^you trust none of the parties.*$/, () => 'vous ne vous fiez à aucune des parties que l\'énoncé nomme'],
  [/^(\d+) of the (\d+) acts in (.+) are shown$/, (_, some, all, stream) =>
    `${number(+some)} des ${number(+all)} actes de ${stream} sont montrés`],
  [/^the entries are not those that the ledger's checkpoint covers$/, () =>
    'les inscriptions ne sont pas celles que couvre l\'état signé du registre'],
]

/** A detail with its times as dates and its ages in large units; in French where it is one of the usual ones. */
function detail(text) {
  const french = voice.language === 'fr' && FRENCH.find(([pattern]) => pattern.test(text))
  const dated = (_, name, seconds) => `${name} ${instant(+seconds)}`
  const words = french ? text.replace(...french) : clean(text)
    .replace(/\b(log time|until|since log time) (-?\d+)/g, dated)
    .replace(/(^|[ ;])(-?\d+) s\b/g, (_, lead, seconds) => `${lead}${duration(+seconds)}`)
  return el('span', { lang: french || voice.language === 'en' ? null : 'en' }, named(words))
}

/** The words with the streams in them called by what they are of. */
function named(words) {
  const { parties = [], dossier } = stage.claim ?? {}, stream = id => `stream ${hex(id).slice(0, 16)}…`
  for (const party of parties) {
    const name = partyText(party)
    words = words.replaceAll(stream(party), () => either(`the stream of ${name}`, `la suite de ${name}`))
  }
  if (!dossier) return words
  return words.replaceAll(stream(dossier), either('the stream of the talks', 'la suite des pourparlers'))
}

export function stepsNodes({ ids, report, silent }) {
  const item = ({ number: at, verdict, detail: said, reason }) => {
    const assumed = at === 2 && silent && ids.length && verdict === 'VALID'
    const words = assumed ? say('assumed') : said && detail(said)
    return el('li', { class: verdict === 'NOT REACHED' ? 'dim' : null },
      el('span', { class: 'number' }, mark(assumed ? 'if' : verdict), `${at}`),
      el('div', {}, word(STEPS, at - 1), words && [el('span', { class: 'small' }, colon(), words)],
        reason && [' ', el('code', {}, `[${reason}]`)]))
  }
  const notes = report.notes.map(note => el('li', {}, detail(note)))
  return [el('ol', { class: 'steps' }, report.steps.map(item)),
    notes.length ? [el('h3', {}, say('notes')), el('ul', {}, notes)] : null]
}
