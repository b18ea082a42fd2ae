// What the file says once it is verified: the text, who consented and by what right, and everything that was said.

import { STATES, clock, colon, day, either, instant, listed, number, say, tell, word } from './words.js'
import { clean, cleanLines, el, foreign, idNode, mark, quoted, section, wholeId } from './nodes.js'
import { keyNode, organNode, partyNode, stage } from './names.js'
import { clauseRows, flattened, powersInWords, sentence } from './lines.js'
import { ballotOf, byIndex, doesText, particulars, placeText } from './acts.js'
import { signersOf, speakerNode, voidText, wordsIn } from './acts.js'

const ANSWERS = { 'kept': 'VALID', 'crossed': 'INVALID', 'cannot tell': 'CANNOT TELL' }

const dossierOf = claim => stage.registry.dossiers.get(claim.dossier)

/** What a rule throws where something is missing, as its words; everything else is shown. */
function orMissing(find) {
  try {
    return find()
  } catch (error) {
    return el('span', { class: 'unsure' }, `? ${error.reason ?? error.message}`)
  }
}

// --- the text

export function textSection() {
  const { claim, registry } = stage
  if (!claim.text) return null
  const text = registry.texts.get(claim.text), title = say('text')
  if (!text) return section('text', title, el('p', {}, tell('text-missing', { digest: wholeId(claim.text) })))
  return section('text', title,
    el('dl', { class: 'facts' }, el('dt', {}, say('digest')), el('dd', {}, wholeId(claim.text))),
    articles(text), terms(text), checks(text), clauses(text))
}

const LANGUAGES = new Map()
function languageName(code) {
  const names = LANGUAGES.get(either('en', 'fr')) ?? new Intl.DisplayNames(either('en', 'fr'), { type: 'language' })
  LANGUAGES.set(either('en', 'fr'), names)
  try {
    return names.of(code)
  } catch {
    return code
  }
}

function articles({ articles: given }) {
  const own = either('en', 'fr'), languages = [...given.keys()].sort((a, b) => (b === own) - (a === own))
  if (!languages.length) return el('p', {}, say('no-articles'))
  return languages.map((language, at) => el('details', { open: at === 0 || languages.length < 3, class: 'articles' },
    el('summary', {}, el('h3', {}, say('articles-in', { language: clean(languageName(language)) }))),
    el('ol', { lang: language }, given.get(language).map(article => el('li', { dir: 'auto' }, cleanLines(article))))))
}

const table = (caption, rows) => el('table', {}, el('caption', {}, caption),
  el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, say('term')), el('th', { scope: 'col' }, say('value')))),
  el('tbody', {}, [...rows].map(([path, value]) => el('tr', {},
    el('th', { scope: 'row' }, foreign(path)), el('td', {}, value)))))

function terms(text) {
  if (!text.terms.size) return null
  return [table(say('terms'), flattened(text.terms)), el('p', { class: 'small' }, say('terms-lead'))]
}

function clauses(text) {
  if (!text.clauses.size) return null
  const unread = text.stated instanceof Error && el('p', { class: 'small' }, say('clauses-unread'))
  return [table(say('clauses'), clauseRows(text)), unread]
}

function checks(text) {
  if (!text.checks.length) return null
  return [el('h3', {}, say('checks')), el('ul', { class: 'lines' }, text.checks.map(check => {
    const answer = pourparler.modules.redline.holds(check, text.terms)
    const words = say(`check-${check.operator}`, { path: check.path, of: listed(check.of) })
    return el('li', {}, mark(ANSWERS[answer]), words)
  }))]
}

// --- consents

export function consentsSection() {
  const { claim } = stage, dossier = claim.text && dossierOf(claim), paper = dossier?.papers.get(claim.text)
  if (!paper) return null
  const parties = [...new Set([...claim.parties, ...dossier.parties, ...paper.consents.keys()])]
  return section('consents', say('consents'), claim.kind === 'in-force' && stage.whole && effect(dossier),
    parties.map(party => consent(dossier, paper, party)))
}

function effect(dossier) {
  const { claim, moment } = stage, [party, other] = claim.parties
  return el('p', { class: 'effect' }, orMissing(() => {
    const { state, since, until } = dossier.effect(claim.text, party, other, moment)
    const begins = state === 'pending' ? 'from' : 'since'
    return tell('effect', {
      party: partyNode(party), other: partyNode(other), state: el('strong', {}, word(STATES, state)),
      since: since === undefined || since === null ? '' : say(begins, { time: instant(since) }),
      until: until === undefined || until === null ? '' : say('until', { time: instant(until) }),
    })
  }))
}

function consent(dossier, paper, party) {
  const found = paper.consents.get(party)
  const state = orMissing(() => word(STATES, dossier.consentState(paper, party, stage.moment)))
  const heading = el('h3', {}, partyNode(party), colon(), found ? state : say('consent-none'))
  if (!found) return el('article', { class: 'card' }, heading)
  const since = stage.whole ? orMissing(() => dossier.boundSince(found)) : null
  const binding = since?.index === undefined ? since instanceof Node ? since : null
    : say('binding-since', { time: instant(since.time), index: number(since.index) })
  return el('article', { class: 'card' }, heading, binding && el('p', {}, el('strong', {}, binding)),
    found.act && found.act.row.spine && decision(found), found.signatures.map(one => signature(found, one)))
}

const DECIDED = { ratified: 'ratified-by', acceded: 'acceded-by', refused: 'refused-by' }

/** The organ's act that a consent rests on, with who signed it and the organ's own red lines. */
function decision({ act, moment, party, state, subjectTo }) {
  const { said } = act, by = organNode(said.organ)
  const lines = orMissing(() => stage.registry.registers.get(party).spines.organ(said.organ, said.prior).lines)
  return el('div', { class: 'decision' },
    el('p', {}, tell(DECIDED[state] ?? 'acted-by', { organ: by, does: doesText(act) }), colon(), placeText(moment)),
    el('p', { class: 'small' }, orMissing(() => signers({ act, party }))), said.tally && tally(said.tally),
    wordsIn(act), subjectTo && el('p', {}, tell('confirmed-by', { organ: organNode(subjectTo) })),
    lines.length ? judged(lines.map(line => ({ line, of: tell('of-organ', { organ: organNode(said.organ) }) }))) : null)
}

function signers(outcome) {
  const { keys, given, all, needs } = signersOf(outcome)
  const named = keys.map((key, at) => [at ? ', ' : '', keyNode(key)]), ballot = ballotOf(outcome)
  if (ballot) return tell('by-vote', { ...ballot, signers: named })
  return [tell('signed-by', { signers: named }), ` (${say('weight-of', { given, all, needs })})`]
}

const tally = ({ yes, no, abstain }) =>
  el('p', { class: 'small' }, say('tally', { yes: number(yes), no: number(no), abstain: number(abstain) }))

/** What became of a signature, as a name of the table of words. */
function became(consent, { act, void: hollow, withdrawn }, taken) {
  if (hollow) return 'void'
  if (withdrawn) return 'withdrawn'
  if (act.kind === 'conclude') return null
  return taken ? 'taken-up' : 'not-taken-up'
}

function signature(consent, one) {
  const { act, mandate, moment, party } = one, definitive = act.kind === 'conclude'
  const [key] = mandate.holder?.seats.keys() ?? [], how = definitive ? 'signature-definitive' : 'signature-adref'
  const fate = became(consent, one, consent.restsOn.includes(one))
  return el('div', { class: one.void ? 'signature void' : 'signature' },
    el('p', {}, tell(how, { key: keyNode(key) }), colon(), placeText(moment),
      fate && [', ', el('strong', {}, say(fate))]),
    one.void && el('p', { class: 'bad' }, voidText(one.void)), wordsIn(act),
    redLines(party, mandate, definitive, moment), chainDetails(mandate))
}

// --- red lines and mandates

function judged(lines) {
  const text = stage.registry.texts.get(stage.claim.text)
  return el('ul', { class: 'lines' }, lines.map(({ line, of, lifted }) => {
    const answer = text ? text.answer(line) : 'cannot tell'
    const verdict = lifted ? el('em', {}, say('lifted')) : el('strong', {}, word(STATES, answer))
    return el('li', {}, mark(lifted ? 'NOT REACHED' : ANSWERS[answer]), foreign(clean(sentence(line))), ' ',
      el('span', { class: 'small' }, of), colon(), verdict)
  }))
}

/** The red lines of every link, judged on the text; those of the organ's own power where the holder concluded. */
function redLines(party, mandate, definitive, moment) {
  const register = stage.registry.registers.get(party)
  const lines = mandate.chain.flatMap(link => link.lines.map((line, at) => ({
    line, of: tell('of-mandate', { mandate: idNode(link.id) }), lifted: register.isLifted(link.id, at, moment),
  })))
  if (definitive) {
    const of = tell('of-organ', { organ: organNode(mandate.organ) })
    lines.push(...mandate.chain[0].organLines.map(line => ({ line, of })))
  }
  const shown = lines.length ? judged(lines) : el('p', {}, say('no-lines'))
  return [el('h4', {}, say('red-lines')), shown, hiddenLines(mandate)]
}

function giver(link) {
  if (!link.parent) return organNode(link.organ)
  if (link.act.kind === 'certify') return say('certifier')
  const [key] = link.parent.holder?.seats.keys() ?? []
  return key ? keyNode(key) : say('holder-above')
}

function holdersNode({ holder }) {
  const keys = [...holder.seats.keys()]
  if (keys.length === 1) return keyNode(keys[0])
  const named = keys.map((key, at) => [at ? ', ' : '', idNode(key)])
  return tell('keys-jointly', { keys: named, needs: holder.needs })
}

function linkNode(link) {
  const certified = link.act.kind === 'certify', name = link.act.said.class?.name
  const words = certified ? 'link-certificate' : link.holder ? 'link' : 'link-class'
  const parts = { giver: giver(link), powers: powersInWords(link.powers), name: name && foreign(quoted(name)) }
  return el('li', {},
    el('p', {}, tell(words, { ...parts, key: link.holder && holdersNode(link) }), ' ',
      el('span', { class: 'small' }, `(${placeText(link.logged)})`)),
    el('p', { class: 'small' }, particulars(link.act, ['to', 'powers', 'class', 'dossier'])))
}

const chain = mandate => el('ol', { class: 'chain' }, mandate.chain.map(linkNode))
const chainDetails = mandate => el('details', {}, el('summary', {}, say('chain')), chain(mandate))

function hiddenLines(mandate) {
  const hidden = mandate.chain.reduce((sum, link) => sum + link.private.length, 0)
  return hidden ? el('p', { class: 'small' }, say('private-lines', { count: number(hidden) })) : null
}

/** For a claim about a holder: his mandate. */
export function mandateSection() {
  const { claim, registry } = stage, [party] = claim.parties
  const mandate = claim.kind === 'may' && registry.registers.get(party)?.mandates.get(claim.mandate)
  if (!mandate) return null
  const items = mandate.chain.flatMap(link => link.lines).map(line => el('li', {}, foreign(clean(sentence(line)))))
  return section('mandate', say('mandate'), chain(mandate), el('h3', {}, say('red-lines-alone')),
    items.length ? el('ul', {}, items) : el('p', {}, say('no-lines')), hiddenLines(mandate))
}

/** For a claim about an act: that act. */
export function actSection() {
  const { claim, registry } = stage, outcome = claim.kind === 'recorded' && registry.outcomes.get(claim.act)
  if (!outcome) return null
  return section('act', say('the-act'), el('ul', { class: 'said' }, actItem(outcome, true)))
}

// --- everything said

function actItem(outcome, whole = false) {
  const { act, moment } = outcome, void_ = outcome.void
  return el('li', { class: void_ ? 'void' : null },
    el('span', { class: 'place' }, `${number(moment.index)} · `, whole ? instant(moment.time) : clock(moment.time)),
    el('div', {}, speakerNode(outcome), ' ', el('strong', {}, doesText(act)), ' ', particulars(act), wordsIn(act),
      void_ && el('p', { class: 'bad' }, voidText(void_)), whole && el('p', {}, wholeId(act.id))))
}

const FEW = 40

export function saidSection() {
  const outcomes = [...stage.registry.outcomes.values()].sort(byIndex)
  const count = number(outcomes.length), hollow = number(outcomes.filter(one => one.void).length)
  const list = [...grouped(outcomes)].map(([date, group]) =>
    [el('h3', {}, date), el('ul', { class: 'said' }, group.map(one => actItem(one)))])
  const shown = outcomes.length <= FEW ? list
    : el('details', {}, el('summary', {}, say('said-show', { count })), list)
  return section('said', say('said'), el('p', {}, say('said-lead', { count, void: hollow })), shown)
}

const dayOf = ({ moment }) => day(moment.time)

function grouped(outcomes) {
  const days = new Map()
  for (const one of outcomes) days.set(dayOf(one), [...days.get(dayOf(one)) ?? [], one])
  return days
}

