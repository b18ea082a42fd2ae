// The page: it verifies the bundle that it carries by whom the reader trusts, and shows what comes of it.

import { ADVICE, STEPS, VERDICTS, duration, either, instant, listed, number, say, tell, voice, word } from './words.js'
import { MARKS, clean, el, foreign, idNode, mark, quoted, section, styleOf, wholeId } from './nodes.js'
import { keyNode, partyNode, partyText, stage, textNode, titleOf } from './names.js'
import { powersInWords } from './lines.js'
import { pictureSection } from './picture.js'
import { actSection, consentsSection, mandateSection, saidSection, textSection } from './sections.js'

const { hex, sha256, unhex, utf8 } = pourparler.modules.encoding
const PARTY_ID = /^[0-9a-f]{64}$/

const data = Uint8Array.from(atob(document.getElementById('bundle').textContent.replace(/\s/g, '')), one => one.charCodeAt(0))
const verifier = document.scripts[1].textContent
// By id in hex, of each party or ledger key that the claim names: what the reader has typed, ticked and said.
const told = new Map()
let policy = null, policyName = '', policyError = '', run = 0

const toldOf = id => told.get(id) ?? told.set(id, { typed: '', ticked: false, how: '' }).get(id)
const typedId = ({ typed }) => typed.replace(/[\s:.-]/g, '').toLowerCase()

// --- trust

/** The parties that the reader says he knows: ids that he pasted, also such as nobody here has, or compared. */
function given(parties) {
  const trusted = {}
  for (const id of parties) {
    const one = toldOf(id), typed = typedId(one), how = one.how.trim()
    if (PARTY_ID.test(typed)) trusted[typed] = how || say('known-how')
    if (one.ticked) trusted[id] = how || say('compared-how')
  }
  return trusted
}

const assumed = parties => Object.fromEntries(parties.map(id => [id, say('assumed')]))

/** Examine under what the reader knows; while he has said nothing, as if the parties were those he means. */
async function examined() {
  const at = Math.floor(Date.now() / 1000), examine = parties => pourparler.modules.evidence.examine(data, { parties, policy }, at)
  const first = await examine({}), ids = (first.claim?.parties ?? []).map(hex), known = given(ids)
  const hypothetical = await examine(assumed(ids)), silent = !Object.keys(known).length
  const judged = silent ? hypothetical : await examine(known)
  return { ids, known, silent, at, judged, report: judged.report(), shown: judged.registry ? judged : hypothetical }
}

// --- the verdict

const deciding = report => report.steps.find(({ verdict }) => verdict !== 'VALID')

/** What a VALID rests on that only the reader can know: words, or null. */
function condition({ ids, known, report, judged }) {
  if (report.verdict !== 'VALID') return null
  if (report.claim.kind === 'recorded') {
    const key = hex(judged.claim.ledger.key), one = toldOf(key)
    return one.ticked || typedId(one) === key ? null : tell('if-ledger', { ids: idNode(judged.claim.ledger.key) })
  }
  const open = judged.claim.parties.filter(party => !(hex(party) in known))
  if (!open.length) return null
  const nodes = open.map((party, at) => [at ? either(' and ', ' et ') : '', idNode(party)])
  if (open.length === ids.length) return tell(open.length > 1 ? 'if-parties' : 'if-party', { ids: nodes })
  return tell('if-other', { known: partyNode(judged.claim.parties.find(party => hex(party) in known)), ids: nodes })
}

function claimNodes(claim) {
  const [party, other] = claim.parties.map(partyNode)
  return tell(`claim-${claim.kind}`, {
    party, other, text: claim.text && textNode(claim.text), key: claim.holder && keyNode(claim.holder),
    powers: claim.power && powersInWords(claim.power), act: claim.act && idNode(claim.act),
    ledger: foreign(quoted(claim.ledger.origin)),
  })
}

function advice({ verdict, reason }, conditional) {
  if (conditional) return word(ADVICE, 'CONDITION')
  const found = [reason, `${reason.split('.')[0]}.`, verdict].find(name => Object.hasOwn(ADVICE, name))
  return word(ADVICE, found)
}

function verdictNodes(found) {
  const { report, judged, at } = found, { verdict } = report, conditions = condition(found), style = conditions ? 'if' : verdict
  const own = word(VERDICTS, verdict), step = deciding(report), claim = judged.claim
  const heading = el('p', { class: 'headline' },
    el('span', { 'class': 'sign', 'aria-hidden': 'true' }, MARKS[style]),
    el('span', { class: 'saying' }, el('strong', {}, own), own !== verdict && el('small', { lang: 'en' }, ` (${verdict})`),
      conditions && [', ', conditions]))
  const facts = [
    step && [say('because'), [say('because-step', { number: step.number, name: word(STEPS, step.number - 1) }),
      step.detail && [': ', detail(step.detail)], ' ', el('code', {}, `[${step.reason}]`)]],
    claim && [say('when'), [asOf(report), ' ', age(report, at)]],
    [say('next'), el('strong', {}, advice(report, conditions))],
  ].filter(Boolean)
  return el('div', { class: `verdict ${styleOf(style)}`, id: 'verdict-card', 'data-verdict': verdict, 'data-if': Boolean(conditions) }, heading,
    el('p', { class: 'claim' }, claim ? [verdict !== 'VALID' && say('claimed'), claimNodes(claim)] : say('no-claim')),
    el('dl', { class: 'facts' }, facts.map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)])))
}

function asOf({ as_of: { index, log_time: time }, claim }) {
  const parts = { index: number(BigInt(index)), ledger: foreign(quoted(claim.ledger.origin)), time: time === null ? '' : instant(time) }
  return tell(time === null ? 'as-of-no-time' : 'as-of', parts)
}

function age({ as_of: { log_time: time } }, at) {
  if (time === null) return ''
  return say(at < time ? 'age-ahead' : 'age', { age: duration(at - time), now: instant(at) })
}

// --- details of steps, which the verifier says in English

const DETAILS = [
  [/^(\d+) bytes, (\d+) entries$/, (_, bytes, entries) => `${number(+bytes)} octets, ${number(+entries)} inscriptions`],
  [/^(\d+) stamps$/, (_, count) => `${number(+count)} timbres`],
  [/^(\d+) parties$/, (_, count) => `${number(+count)} parties`],
  [/^(\d+) acts, (\d+) of them void$/, (_, acts, hollow) => `${number(+acts)} actes, dont ${number(+hollow)} nuls`],
  [/^(\d+) streams, as of index (\d+)$/, (_, count, index) => `${number(+count)} suites, au rang ${number(+index)}`],
  [/^times are the depositary's word.*$/, () => 'les heures sont la parole du dépositaire ; aucun témoin n\'est exigé'],
  [/^the policy's quorum, within.*$/, () => 'le quorum de la règle, dans les délais des registres'],
  [/^(\d+) texts; (\d+) private red lines take no part$/, (_, texts, lines) =>
    `${number(+texts)} textes ; ${number(+lines)} lignes rouges privées n'y entrent pas`],
  [/^the claim rests on no text$/, () => 'l\'énoncé ne repose sur aucun texte'],
  [/^you trust none of the parties.*$/, () => 'vous ne vous fiez à aucune des parties que l\'énoncé nomme'],
  [/^(\d+) of the (\d+) acts in (.+) are shown$/, (_, some, all, stream) => `${number(+some)} des ${number(+all)} actes de ${stream} sont montrés`],
  [/^the entries are not those that the ledger's checkpoint covers$/, () =>
    'les inscriptions ne sont pas celles que couvre l\'état signé du registre'],
]

/** A detail with its times as dates and its ages in large units; in French where it is of the usual ones. */
function detail(text) {
  const french = voice.language === 'fr' && DETAILS.find(([pattern]) => pattern.test(text))
  const words = french ? text.replace(...french) : clean(text)
    .replace(/\b(log time|until|since) (-?\d{6,})/g, (_, name, seconds) => `${name} ${instant(+seconds)}`)
    .replace(/(^|[ ;])(-?\d+) s\b/g, (_, lead, seconds) => `${lead}${duration(+seconds)}`)
  return el('span', { lang: french || voice.language === 'en' ? null : 'en' }, streams(words))
}

/** Streams called by what they are of. */
function streams(words) {
  const { claim } = stage
  for (const party of claim?.parties ?? []) {
    words = words.replaceAll(`stream ${hex(party).slice(0, 16)}…`, either(`the stream of ${partyText(party)}`, `la suite de ${partyText(party)}`))
  }
  const dossier = claim?.dossier && `stream ${hex(claim.dossier).slice(0, 16)}…`
  return dossier ? words.replaceAll(dossier, either('the stream of the talks', 'la suite des pourparlers')) : words
}

function stepsNodes({ report, silent, ids }) {
  const item = ({ number: at, verdict, detail: said, reason }) => {
    const shown = at === 2 && silent && ids.length && verdict === 'VALID' ? 'if' : verdict
    const words = shown === 'if' ? say('assumed') : said && detail(said)
    return el('li', { class: shown === 'NOT REACHED' ? 'dim' : null }, el('span', { class: 'number' }, mark(shown), `${at}`),
      el('div', {}, word(STEPS, at - 1), words && [el('span', { class: 'small' }, ': ', words)],
        reason && [' ', el('code', {}, `[${reason}]`)]))
  }
  return [el('ol', { class: 'steps' }, report.steps.map(item)),
    report.notes.length ? [el('h3', {}, say('notes')), el('ul', {}, report.notes.map(note => el('li', {}, detail(note))))] : null]
}

// --- whom the reader means

function statusOf(id, others) {
  const one = toldOf(id), typed = typedId(one)
  if (!typed) return ['', '']
  if (typed === id) return [say('matches'), 'ok']
  if (!PARTY_ID.test(typed)) return [say('incomplete', { count: typed.length }), 'unsure']
  return others.includes(typed) ? [say('matches-other'), 'bad'] : [say('differs'), 'bad']
}

function whomNodes(found) {
  const { claim } = found.judged, recorded = claim?.kind === 'recorded'
  const rows = recorded ? [claim.ledger.key] : claim?.parties ?? []
  const ids = rows.map(hex)
  return rows.map((id, at) => personNode(id, ids.filter(other => other !== hex(id)), recorded ? claim.ledger.origin : titleOf(id), recorded, at))
}

function personNode(id, others, title, recorded, at) {
  const name = hex(id), one = toldOf(name), status = el('p', { 'class': 'status', 'role': 'status', 'id': `status-${at}` })
  const changed = () => {
    const [words, style] = statusOf(name, others)
    status.textContent = words
    status.className = `status ${style}`
  }
  const listens = field => ({ oninput: event => {
    one[field] = field === 'ticked' ? event.target.checked : event.target.value
    changed()
    judge()
  } })
  changed()
  return el('fieldset', { class: 'card' },
    el('legend', {}, title === null ? say('not-shown') : [recorded ? '' : `${say('calls-itself')} `, foreign(quoted(title))]),
    el('p', {}, `${say(recorded ? 'key-of-ledger' : 'id-of-party')}: `, wholeId(id)),
    el('label', { for: `id-${at}` }, say('paste')),
    el('input', { 'id': `id-${at}`, 'type': 'text', 'autocomplete': 'off', 'autocapitalize': 'off', 'spellcheck': 'false',
      'aria-describedby': `status-${at}`, 'value': one.typed, ...listens('typed') }), status,
    el('label', { class: 'check' }, el('input', { type: 'checkbox', id: `tick-${at}`, checked: one.ticked, ...listens('ticked') }), say('tick')),
    el('label', { for: `how-${at}` }, say('how')),
    el('input', { id: `how-${at}`, type: 'text', autocomplete: 'off', placeholder: say('how-example'), value: one.how, ...listens('how') }))
}

// --- witnesses

async function choosePolicy(event) {
  const [file] = event.target.files
  policy = null
  policyName = file?.name ?? ''
  policyError = ''
  try {
    if (file) policy = pourparler.parsePolicy(new Uint8Array(await file.arrayBuffer()))
  } catch (error) {
    policyError = error.message
  }
  sayPolicy()
  judge()
}

function sayPolicy() {
  const status = document.getElementById('policy-status'), parts = { name: clean(policyName), error: clean(policyError) }
  status.textContent = policyError ? say('policy-wrong', parts)
    : policy ? say('policy-taken', { ...parts, count: policy.witnesses.length }) : say('policy-none')
  status.className = `status ${policyError ? 'bad' : policy ? 'ok' : ''}`
}

const policyNodes = () => [
  el('p', {}, say('policy-lead')), el('label', { for: 'policy-file' }, say('policy-choose')),
  el('input', { id: 'policy-file', type: 'file', onchange: choosePolicy }),
  el('p', { id: 'policy-status', class: 'status', role: 'status' }),
]

// --- without trusting the page

const bundleUrl = URL.createObjectURL(new Blob([data], { type: 'application/octet-stream' }))

function distrustNodes(found) {
  // The id has to come from elsewhere: it is not filled in from the file that is doubted.
  const trust = found.ids.length ? ' --trust PARTY_ID' : ''
  const shell = command => el('pre', {}, el('code', {}, command))
  return [
    el('p', {}, say('distrust-1')),
    el('ol', {},
      el('li', {}, say('distrust-file'), shell(`pourparler verify ${fileName()}${trust}`)),
      el('li', {}, say('distrust-save'), el('p', {}, el('a', { id: 'save', href: bundleUrl, download: 'bundle.evidence' },
        say('save', { size: number(data.length) }))), shell(`pourparler verify bundle.evidence${trust}`)),
      el('li', {}, say('distrust-digest'))),
    el('dl', { class: 'facts' },
      el('dt', {}, say('verifier-digest')), el('dd', { id: 'verifier-digest' }, wholeId(sha256(utf8(verifier)))),
      el('dt', {}, say('page-digest')), el('dd', {}, wholeId(sha256(data)))),
  ]
}

function fileName() {
  const name = decodeURIComponent(location.pathname.split('/').at(-1))
  return /^[\w][\w.-]*$/.test(name) ? name : 'FILE.html'
}

// --- the whole page

const replace = (id, ...children) => document.getElementById(id).replaceChildren(...children.flat(Infinity).filter(Boolean))

/** Verify under what the reader knows now, and show it; the newest answer stands. */
async function judge() {
  const number = ++run
  try {
    const found = await examined()
    if (number !== run) return
    show(found)
  } catch (error) {
    replace('verdict', el('p', { class: 'verdict unsure' }, say('broken', { error: String(error) })))
    throw error
  }
}

function show(found) {
  const { judged, shown, report } = found, claim = judged.claim
  const moment = claim && { index: claim.asOf, time: shown.time ?? shown.registry?.stamp?.time ?? 0 }
  Object.assign(stage, { registry: shown.registry, claim, moment })
  replace('verdict', verdictNodes(found))
  replace('step-list', stepsNodes(found))
  if (!document.getElementById('whom-list').childElementCount) replace('whom-list', whomNodes(found))
  replace('distrust-body', distrustNodes(found))
  replace('shown', shownNodes(shown, report))
  document.body.dataset.done = String(run)
}

function shownNodes(shown, report) {
  if (!shown.registry) return [el('p', { class: 'band bad' }, say('nothing'))]
  const band = report.reason === 'trust.unknown-party' ? 'stranger' : shown.steps.some(({ verdict, number }) => verdict !== 'VALID' && number < 10) ? 'partial' : null
  return [band && el('p', { class: 'band unsure' }, say(band)), textSection(), mandateSection(), actSection(), consentsSection(),
    pictureSection(), saidSection()]
}

function languageSwitch() {
  const button = (code, name) => el('button', { 'type': 'button', 'lang': code, 'aria-pressed': String(voice.language === code), 'id': `to-${code}`,
    'onclick': () => {
      voice.language = code
      draw()
      document.getElementById(`to-${code}`).focus()
    } }, name)
  return el('div', { 'class': 'languages', 'role': 'group', 'aria-label': say('language') }, button('en', 'English'), button('fr', 'Français'))
}

function draw() {
  document.documentElement.lang = voice.language
  document.title = say('title')
  const body = el('div', { id: 'page' },
    el('a', { class: 'skip', href: '#verdict' }, say('skip')),
    el('header', {}, languageSwitch(), el('h1', {}, say('title')), el('p', { class: 'small' }, say('lead'))),
    el('main', {},
      el('div', { 'id': 'verdict', 'role': 'status', 'tabindex': '-1' }, el('p', {}, say('checking'))),
      section('whom', say('whom'), el('p', {}, say('whom-lead')), el('div', { id: 'whom-list' })),
      section('steps', say('steps'), el('p', { class: 'small' }, say('steps-lead')), el('div', { id: 'step-list' })),
      el('div', { id: 'shown' }),
      section('policy', say('policy'), policyNodes()),
      section('distrust', say('distrust'), el('div', { id: 'distrust-body' }))))
  document.getElementById('page').replaceWith(body)
  sayPolicy()
  judge()
}

// On paper every section is open.
let opened = []
addEventListener('beforeprint', () => {
  opened = [...document.querySelectorAll('details:not([open])')]
  for (const one of opened) one.open = true
})
addEventListener('afterprint', () => {
  for (const one of opened) one.open = false
})

const french = (navigator.languages ?? [navigator.language]).map(tag => tag.slice(0, 2)).find(tag => ['en', 'fr'].includes(tag)) === 'fr'
voice.language = french ? 'fr' : 'en'
draw()
