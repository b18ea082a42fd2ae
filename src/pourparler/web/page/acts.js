// Acts in words: who spoke, what he did by it, with which particulars, and why it is void if it is.

import { DOES, FIELDS, WHY, duration, either, instant, number, say, tell, word } from './words.js'
import { clean, cleanLines, el, foreign, idNode, quoted } from './nodes.js'
import { anyNode, keyNode, keyText, organNode, organText, partyNode, partyText, textNode, stage } from './names.js'
import { powersInWords, sentence, written } from './lines.js'

const { Issuer } = pourparler.modules.act
const { kidOf } = pourparler.modules.encoding
const { stepOf } = pourparler.modules.errors
const { amount, parseLine } = pourparler.modules.redline

const INSTANTS = new Set(['until', 'from', 'deadline', 'closes', 'due', 'by_time', 'next', 'at', 'by'])
const DURATIONS = new Set(['report', 'fresh', 'suspension', 'wait', 'lapse', 'open'])
const POWERFUL = new Set(['powers', 'holds', 'votes', 'subject'])
const NOT_TOLD = new Set([
  'kind', 'at', 'words', 'by', 'organ', 'prior', 'theirs', 'nonce', 'seen', 'spines', 'votes', 'tally', 'salt', 'head',
  'count', 'serial', 'party', 'next', 'previous', 'name', 'answer', 'choice',
])

export const byIndex = (one, other) => Number(BigInt(one.moment.index) - BigInt(other.moment.index))

// --- who

const partyIn = ({ act, party }) => party ?? act.said.party

/** The mandate that a holder spoke under, or null. */
export function mandateOf(outcome) {
  if (!outcome.act.said.by) return null
  return stage.registry.registers.get(partyIn(outcome))?.mandates.get(outcome.act.said.by) ?? null
}

/** The holders' keys whose signatures an act of a holder carries. */
function holders(outcome) {
  const mandate = mandateOf(outcome), { signatures } = outcome.act.envelope
  const known = [...(mandate?.holder?.seats.keys() ?? []), ...(mandate?.duty ? [mandate.duty.then] : [])]
  return signatures.map(({ kid }) => known.find(key => kidOf(key) === kid)).filter(Boolean)
}

export function speakerNode(outcome) {
  const { act } = outcome, party = partyIn(outcome)
  switch (act.issuer) {
    case Issuer.MEMBER: return tell('member-of', { organ: organNode(act.said.organ) })
    case Issuer.HOLDER: {
      const keys = holders(outcome)
      return keys.length ? tell('envoy-of', { party: partyNode(party), key: keyNode(keys[0]) }) : partyNode(party)
    }
    case Issuer.ORGAN:
    case Issuer.URGENT: return act.kind === 'found' ? partyNode(party) : organNode(act.said.organ)
    default: return partyNode(party)
  }
}

export function speakerText(outcome) {
  const { act } = outcome
  if (act.issuer === Issuer.MEMBER) return say('member-of', { organ: organText(act.said.organ) })
  if (act.said.organ && act.kind !== 'found' && act.issuer !== Issuer.HOLDER) return organText(act.said.organ)
  const [key] = act.issuer === Issuer.HOLDER ? holders(outcome) : []
  return key ? say('envoy-of', { party: partyText(partyIn(outcome)), key: keyText(key) }) : partyText(partyIn(outcome))
}

/** The keys that signed a decision, and the weight they had in the organ as it stood there. */
export function signersOf(outcome) {
  const { act, party } = outcome, { spines } = stage.registry.registers.get(party)
  const { members } = spines.organ(act.said.organ, act.said.prior), { signatures } = act.envelope
  const keys = [...members.seats.keys()].filter(key => signatures.some(({ kid }) => kid === kidOf(key)))
  const weigh = list => list.reduce((sum, key) => sum + members.seats.get(key), 0)
  return { keys, given: weigh(keys), all: weigh([...members.seats.keys()]), needs: members.needs }
}

/** Where the organ decides this by vote: the weights of the votes that the decision cites; else null. */
export function ballotOf({ act, party }) {
  const { spines } = stage.registry.registers.get(party), organ = spines.organ(act.said.organ, act.said.prior)
  if (!(act.row.power & organ.votes)) return null
  const totals = { yes: 0, no: 0, abstain: 0, recuse: 0 }, heard = spines.polls.get(act.said.call)?.heard
  for (const vote of act.said.votes ?? []) totals[heard.get(vote).choice] += heard.get(vote).weight
  return totals
}

// --- what

export function doesText({ kind, said }) {
  const more = kind === 'vote' ? ` ${said.choice}` : kind === 'confirm' && !said.answer ? ' no' : ''
  return word(DOES, kind + more)
}

/** A field's value, as nodes. */
function told(name, value) {
  if (INSTANTS.has(name) && typeof value === 'number') return instant(value)
  if (DURATIONS.has(name) && typeof value === 'number') return duration(value)
  if (POWERFUL.has(name) && typeof value === 'number') return powersInWords(value)
  if (name === 'text') return textNode(value)
  if (name === 'line' && Array.isArray(value)) return foreign(lineText(value))
  if (name === 'lines') return value.map((line, at) => [at ? '; ' : '', foreign(lineText(line))])
  if (name === 'private') return number(value.length)
  if (name === 'seats') return value.map(seat)
  if (Array.isArray(value) && amount(value)) return written(value)
  if (value === true || value === false) return say(value ? 'yes' : 'no')
  if (value instanceof Uint8Array) return value.length === 32 ? nameOf(name, value) : idNode(value)
  if (value instanceof Map) return foreign(written(value))
  if (Array.isArray(value)) return value.map((one, at) => [at ? ', ' : '', told('', one)])
  if (value !== null && typeof value === 'object') return members(value)
  return foreign(typeof value === 'string' ? clean(value) : written(value))
}

const seat = ([key, weight], at) => [at ? ', ' : '', keyNode(key), weight > 1 ? ` ×${weight}` : '']

function members(value) {
  if ('origin' in value) return foreign(quoted(value.origin))
  return Object.entries(value).filter(([name]) => name !== 'nonce')
    .map(([name, one], at) => [at ? ', ' : '', `${word(FIELDS, name)} `, told(name, one)])
}

const nameOf = (name, id) => (name === 'to' && !stage.registry.registers.has(id) ? keyNode(id) : anyNode(id))

function lineText(line) {
  try {
    return sentence(parseLine(line))
  } catch {
    return either('a red line that cannot be read', 'une ligne rouge illisible')
  }
}

/** The particulars of an act, each with its name, `but` for some; its dossier where that is not the claim's. */
export function particulars(act, but = []) {
  const here = stage.claim?.dossier
  const isTold = ([name, value]) => !NOT_TOLD.has(name) && !but.includes(name) && value !== here && !isEmpty(value)
  const label = name => name !== 'text' && el('span', { class: 'field' }, `${word(FIELDS, name)} `)
  const fields = Object.entries(act.said).filter(isTold)
  return fields.map(([name, value], at) => [at ? ' · ' : '', label(name), told(name, value)])
}

const isEmpty = value => value === 0 || (Array.isArray(value) && !value.length)

/** What somebody wrote into an act, in his words. */
export function wordsIn({ said: { words } }) {
  return words ? el('q', { class: 'words', dir: 'auto' }, cleanLines(words)) : null
}

export function voidText(refusal) {
  const why = WHY[refusal.reason] ? word(WHY, refusal.reason) : refusal.detail
  const told = say('void-because', { step: stepOf(refusal.reason), why: why || '' }).replace(/ ?: $/, '')
  return `${told} [${refusal.reason}]`
}

export const placeText = moment => say('entry', { index: number(moment.index), time: instant(moment.time) })
