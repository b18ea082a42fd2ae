// Mirrors core/act.py: the kinds, their fields, the reading of an act (spec/act.md, spec/acts.cddl).

import { ALGORITHM_PASSKEY_ES256, DIGEST_BYTES, Form, actId, compare, decode, limits } from './encoding.js'
import { isBytes, isInt, isList, isMap, isText, parseEnvelope, utf8 } from './encoding.js'
import { Malformed } from './errors.js'

export const Power = Object.freeze({
  OPEN: 1, PROPOSE: 2, ADOPT: 4, INITIAL: 8, SIGN_AD_REFERENDUM: 16, CONCLUDE: 32, RATIFY: 64, DELEGATE: 128,
  DISMISS: 256, DENOUNCE: 512, URGENT: 1024,
})
export const ALL_POWERS = 2047
export const NO_POWER = 0

export const Issuer = Object.freeze({
  ORGAN: 'organ', URGENT: 'urgent', RECOVERY: 'recovery', MEMBER: 'member', HOLDER: 'holder', CERTIFIER: 'certifier',
  BEACON: 'beacon', LEDGER: 'ledger',
})

// --- fields: a check takes a value and where it stands, and throws

const wrong = (where, expected) => new Malformed('act.field', `${where} must be ${expected}`)
const member = (table, name) => Object.hasOwn(table, name) ? table[name] : undefined
const simple = (fits, expected) => (value, where) => {
  if (!fits(value)) throw wrong(where, expected)
}

const bytes = length => simple(value => isBytes(value) && value.length === length, `${length} bytes`)
const text = most => simple(
  value => isText(value) && value !== '' && utf8(value).length <= most, `text of 1 to ${most} bytes`)
const integer = (least, most) => simple(
  value => isInt(value) && least <= value && value <= most, `an integer from ${least} to ${most}`)
const oneOf = (...words) => simple(value => words.includes(value), `one of ${words}`)
const flag = oneOf(true, false)
const nothing = oneOf(null)
const data = () => {}

const list = (check, most, least = 1) => (value, where) => {
  if (!isList(value) || value.length < least || value.length > most) throw wrong(where, `a list of ${least} to ${most}`)
  value.forEach((one, at) => check(one, `${where}[${at}]`))
}

const set = (check, most, least = 1) => (value, where) => {
  list(check, most, least)(value, where)
  if (value.some((one, at) => at && compare(value[at - 1], one) >= 0)) throw wrong(where, 'in ascending order')
}

const keyed = (check, most, least = 1) => (value, where) => {
  set(check, most, least)(value, where)
  if (new Set(value.map(row => row[0])).size !== value.length) throw wrong(where, 'free of rows that begin alike')
}

const tuple = (...checks) => (value, where) => {
  if (!isList(value) || value.length !== checks.length) throw wrong(where, `a list of exactly ${checks.length}`)
  checks.forEach((check, at) => check(value[at], `${where}[${at}]`))
}

const either = (first, second) => (value, where) => {
  try {
    first(value, where)
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    second(value, where)
  }
}

const map = (required, optional = {}) => (value, where) => {
  if (!isMap(value)) throw wrong(where, 'a map')
  for (const name of Object.keys(required)) {
    if (!value.has(name)) throw new Malformed('act.field-missing', `${where} lacks ${name}`)
  }
  for (const [name, one] of value) {
    const check = member(required, name) ?? member(optional, name)
    if (!check) throw new Malformed('act.field-unknown', `${where} has the unknown field ${name}`)
    check(one, `${where}.${name}`)
  }
}

const digest = bytes(DIGEST_BYTES)
const key = bytes(32)
const nonce = bytes(16)
const name = text(64)
const short = text(limits.SHORT_TEXT_MAX_BYTES)
const long = text(limits.LONG_TEXT_MAX_BYTES)
const time = integer(limits.TIME_MIN, limits.TIME_MAX)
const duration = integer(0, limits.DURATION_MAX_SECONDS)
const count = integer(0, limits.INTEGER_MAX)
const weight = integer(1, 1_000_000)
const powers = integer(1, ALL_POWERS)
const identifiers = set(short, limits.IDENTIFIERS_MAX)
const digests = set(digest, limits.IDENTIFIERS_MAX)
const keys = set(key, limits.SEATS_MAX)
const lines = list(data, limits.LINES_MAX)
const ledger = map({ origin: short, key })
const weighted = keyed(tuple(key, weight), limits.SEATS_MAX)
const holder = either(key, map({ keys: weighted, needs: weight }))
const position = tuple(count, digest)
const share = tuple(weight, weight)
const passkey = map({
  member: key, algorithm: integer(-70002, -70001), key: either(bytes(65), bytes(32)), relying_party: short,
  origin: short,
})

const SEATING = {
  needs: weight, until: time, ballot: map({ open: duration, quorum: weight, share }),
  urgent: map({ keys, needs: weight, lapse: duration }), suspenders: keys,
}
const organ = map({ name, seats: weighted, powers, needs: weight },
  { ...SEATING, votes: powers, superior: name, subject: powers, lines })
const MANDATE = {
  to: holder, powers, until: time, from: time, lines, private: list(digest, limits.LINES_MAX), scope: identifiers,
  dossier: digest, with: digests, ledgers: list(ledger, limits.ORGANS_MAX), depth: integer(0, limits.CHAIN_LINKS_MAX),
  fresh: duration, cosign: map({ powers, keys, needs: weight }), limit: map({ path: short, most: data, ledger }),
  report: duration, duty: map({ kind: name, by: time, then: key }), replaces: digest,
}
const GRANTED = { ...MANDATE, class: map({ name: short, certifier: key }) }
const DISMISSAL = { holds: powers, duties: identifiers, until: time }
const TALLY = {
  call: digest, votes: set(digest, limits.IDENTIFIERS_MAX), tally: map({ yes: count, no: count, abstain: count }),
}
const rules = map({ adopt: either(oneOf('all'), share) }, { begin: weight, counter: flag, join_by: time })

// --- kinds: who speaks, which fields, which power the speaker must have, where the act belongs

const BY_ORGAN = { organ: digest, prior: digest }
const BY_MEMBER = { organ: digest }
const BY_HOLDER = { by: digest }
const IN_DOSSIER = { dossier: digest }
const ON_TEXT = { dossier: digest, text: digest }
const PAST = { seen: map({ dossier: position, party: position }) }
const CONSENT = { spines: digests, reserves: identifiers, ...TALLY }
const SIGNING = { reserves: identifiers, total: data, previous: digest }
export const QUESTION = {
  dossier: digest, text: digest, about: digest, reserves: identifiers, confirms: digests, breach: digest, remedy: count,
  until: time,
}
const EVERYWHERE = { at: time, words: long }

const kind = (name, issuer, required, optional = {}, power = NO_POWER) => ({
  name, issuer, required, optional, power, dossier: 'dossier' in required || name === 'open',
  spine: issuer[0] === Issuer.ORGAN,
})
const speaks = (issuer, fields) => (name, required, optional, power) =>
  kind(name, [issuer], { ...fields, ...required }, optional, power)
const byOrgan = speaks(Issuer.ORGAN, BY_ORGAN)
const byMember = speaks(Issuer.MEMBER, BY_MEMBER)
const byHolder = speaks(Issuer.HOLDER, BY_HOLDER)

export const KINDS = new Map([
  kind('found', [Issuer.ORGAN],
    { name, nonce, home: ledger, organs: list(organ, limits.ORGANS_MAX), suspension: duration },
    { beacons: keys, recovery: map({ keys, needs: weight, wait: duration }) }),
  byOrgan('constitute', { new: organ }),
  byOrgan('elect', { seats: weighted }, { ...SEATING, of: digest, theirs: digest }),
  byOrgan('appoint', {}, { beacons: keys, dispatch: keys, passkeys: list(passkey, 64) }),
  byOrgan('hand-over', { to: digest, powers }),
  byOrgan('dissolve', {}, { of: digest, theirs: digest }),
  byOrgan('move-home', { home: ledger }),
  kind('recover', [Issuer.RECOVERY], { ...BY_ORGAN, seats: list(tuple(key, key), 64) }),
  byOrgan('grant', { powers }, GRANTED, Power.DELEGATE),
  byOrgan('dismiss', { mandate: digest }, DISMISSAL, Power.DISMISS),
  byOrgan('lift', { mandate: digest, line: count }, {}, Power.DELEGATE),
  byOrgan('decide', {}, { about: digest, cites: digests, text: digest, ...TALLY }),
  byOrgan('deliberate', { courses: list(map({ name: short, reason: long }, { ruled_out: flag }), limits.COURSES_MAX) },
    { about: digest }),
  byOrgan('confirm', { about: digest, answer: flag }),
  byOrgan('object', { about: digest }),
  kind('urgent-dismiss', [Issuer.URGENT], { ...BY_MEMBER, mandate: digest }, DISMISSAL),
  kind('urgent-grant', [Issuer.URGENT], { ...BY_MEMBER, powers }, GRANTED),
  byMember('suspend', { target: digest }),
  byMember('call', { decides: name, closes: time }, QUESTION),
  byMember('vote', { call: digest, choice: oneOf('yes', 'no', 'abstain', 'recuse') }),
  byMember('question', { of: digest, due: time }, { about: digest }),
  byMember('answer', { question: digest }),
  byMember('dissent', { about: digest }),
  byHolder('delegate', { to: holder, powers }, MANDATE, Power.DELEGATE),
  byHolder('revoke', { target: digest }),
  byHolder('query', { about: digest, to: digest }),
  byHolder('reply', { about: digest }),
  kind('certify', [Issuer.CERTIFIER], { class: digest, to: holder, until: time }, { scope: identifiers }),
  kind('withdraw-certificate', [Issuer.CERTIFIER], { class: digest, target: digest }),
  kind('beacon', [Issuer.BEACON], { party: digest, serial: count, count, head: digest, at: time, next: time }),
  byHolder('open', { parties: set(digest, limits.SEATS_MAX, 2), ledger, rules, nonce },
    { sealed: flag, scopes: identifiers, parent: digest }, Power.OPEN),
  byHolder('join', IN_DOSSIER, {}, Power.OPEN),
  byHolder('say', IN_DOSSIER, { about: digest, to: digest }),
  byHolder('acknowledge', { ...IN_DOSSIER, about: digest }),
  byHolder('reveal', { ...IN_DOSSIER, mandate: digest, line: data, salt: nonce }),
  byHolder('invite', { ...ON_TEXT, parties: digests, by_time: time }, {}, Power.OPEN),
  byHolder('suspend-talks', { ...IN_DOSSIER, until: time }, {}, Power.OPEN),
  byHolder('resume-talks', IN_DOSSIER, {}, Power.OPEN),
  byHolder('close', { ...IN_DOSSIER, as: oneOf('agreed', 'failed', 'withdrawn') }, {}, Power.OPEN),
  byHolder('publish', { ...IN_DOSSIER, texts: digests }),
  byHolder('propose', ON_TEXT, { answers: digest, until: time }, Power.PROPOSE),
  byHolder('reject', ON_TEXT, {}, Power.PROPOSE),
  byHolder('withdraw', ON_TEXT, {}, Power.PROPOSE),
  byHolder('adopt', ON_TEXT, {}, Power.ADOPT),
  byHolder('initial', ON_TEXT, {}, Power.INITIAL),
  byHolder('sign-ad-referendum', { ...ON_TEXT, organ: digest, deadline: time }, SIGNING, Power.SIGN_AD_REFERENDUM),
  byHolder('conclude', ON_TEXT, SIGNING, Power.CONCLUDE),
  byHolder('withdraw-signature', { ...IN_DOSSIER, signature: digest }),
  byOrgan('ratify', { ...ON_TEXT, ...PAST, signs: digests }, { ...CONSENT, confirms: digests }, Power.RATIFY),
  byOrgan('refuse', ON_TEXT, TALLY, Power.RATIFY),
  byOrgan('accede', { ...ON_TEXT, ...PAST }, CONSENT, Power.RATIFY),
  byOrgan('apply', ON_TEXT, { until: time, ...TALLY }, Power.RATIFY),
  byOrgan('stop-applying', ON_TEXT, TALLY, Power.RATIFY),
  byOrgan('object-reservation', { ...ON_TEXT, about: digest }, TALLY, Power.RATIFY),
  kind('denounce', [Issuer.ORGAN, Issuer.HOLDER], ON_TEXT, { ...BY_ORGAN, ...BY_HOLDER, ...TALLY }, Power.DENOUNCE),
  byOrgan('withdraw-denunciation', ON_TEXT, TALLY, Power.DENOUNCE),
  byOrgan('breach', { ...ON_TEXT, attributed: either(digest, nothing), article: short }),
  byOrgan('remedy', { ...ON_TEXT, breach: digest, remedy: count }, TALLY, Power.DENOUNCE),
  kind('ledger', [Issuer.LEDGER], { origin: short, at: time, bound: duration }),
  kind('stamp', [Issuer.LEDGER],
    { index: count, at: time, follows: count, streams: keyed(tuple(digest, count, digest), limits.STREAMS_MAX, 0) }),
].map(row => [row.name, row]))

// --- acts

export class Act {
  constructor(id, payload, envelope) {
    const row = KINDS.get(payload.get('kind'))
    // Where a kind has two issuers, the fields tell: `by` names a holder.
    const issuer = row.issuer.at(payload.has('by') ? -1 : 0)
    Object.assign(this, { id, kind: row.name, payload, envelope, row, issuer })
  }

  get(name) {
    return this.payload.get(name)
  }
}

export const parseAct = bytes => readAct(parseEnvelope(bytes))

export function readAct(envelope) {
  const payload = decode(envelope.payload)
  if (!isMap(payload)) throw new Malformed('act.payload', 'a payload is a map')
  checkPayload(payload)
  const act = new Act(actId(envelope, payload.get('kind')), payload, envelope)
  checkForm(act)
  return act
}

export function checkPayload(payload) {
  const row = KINDS.get(payload.get('kind'))
  if (!row) throw new Malformed('act.kind', 'the payload names no known kind')
  map({ kind: name, ...row.required }, { ...EVERYWHERE, ...row.optional })(payload, row.name)
  const has = field => payload.has(field)
  if (row.name === 'denounce' && (has('organ') !== has('prior') || has('organ') === has('by'))) {
    throw new Malformed('act.field', 'denounce names either organ and prior, or by')
  }
  for (const one of row.name === 'appoint' ? payload.get('passkeys') ?? [] : []) {
    const length = one.get('algorithm') === ALGORITHM_PASSKEY_ES256 ? 65 : 32
    if (one.get('key').length !== length) throw new Malformed('act.field', 'a passkey is of the other algorithm')
  }
  if (['elect', 'dissolve'].includes(row.name) && has('of') !== has('theirs')) {
    throw new Malformed('act.field', `${row.name} of another organ names both it (of) and its head (theirs)`)
  }
  if (['grant', 'urgent-grant'].includes(row.name) && has('to') === has('class')) {
    throw new Malformed('act.field', 'a grant names either a holder (to) or a class')
  }
}

const SINGLE = [Issuer.MEMBER, Issuer.CERTIFIER, Issuer.BEACON, Issuer.LEDGER]

function checkForm(act) {
  if (act.issuer === Issuer.HOLDER) return
  if ((act.envelope.form === Form.SIGN1) !== SINGLE.includes(act.issuer)) {
    throw new Malformed('act.form', `${act.kind} is spoken in the other form`)
  }
}
