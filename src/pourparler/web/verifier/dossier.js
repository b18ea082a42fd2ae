// One negotiation: the fold of its acts into a state, and what time adds. Mirrors core/dossier.py; spec/dossier.md.
//
// States are the words of the specification. A table says, by state and event, which state follows.

import { compare, limits } from './encoding.js'
import { DAY_SECONDS, dateOfEffect } from './clauses.js'
import { miss, refuse, within } from './council.js'

export const DOSSIER_TABLE = {
  invited: { 'begun': 'open', 'join_by passes': 'closed: lapsed', 'withdrawn': 'closed: withdrawn' },
  open: { agreed: 'closed: agreed', failed: 'closed: failed', withdrawn: 'closed: withdrawn' },
}
export const TEXT_TABLE = {
  proposed: {
    'countered': 'superseded', 'reject': 'rejected', 'withdraw': 'withdrawn', 'until passes': 'lapsed',
    'adopted': 'adopted',
  },
  adopted: { authenticated: 'authenticated' },
  authenticated: { 'open_from passes': 'open for consent' },
}
const SIGNED = 'signed ad referendum', APPLYING = 'applying provisionally'
export const CONSENT_TABLE = {
  'none': {
    'sign-ad-referendum': SIGNED, 'conclude': 'signed definitively', 'ratify': 'ratified', 'refuse': 'refused',
    'accede': 'acceded', 'apply': APPLYING,
  },
  [SIGNED]: {
    'sign-ad-referendum': SIGNED, 'conclude': 'signed definitively', 'ratify': 'ratified', 'deadline passes': 'lapsed',
    'refuse': 'refused', 'apply': APPLYING,
  },
  [APPLYING]: {
    'sign-ad-referendum': APPLYING, 'conclude': 'signed definitively', 'ratify': 'ratified', 'refuse': 'refused',
    'accede': 'acceded', 'apply': APPLYING, 'stop-applying': 'none',
  },
  'lapsed': { 'sign-ad-referendum': SIGNED, 'refuse': 'refused' },
}
export const BINDING = new Set(['ratified', 'signed definitively', 'acceded'])
const BOUND = new Set([...BINDING, 'withdrawing'])
const KEEPING = new Set([...BOUND, SIGNED, APPLYING])
export const LINED = new Set(['propose', 'adopt', 'initial', 'sign-ad-referendum', 'conclude'])
export const WORDS = new Set(['say', 'publish'])
export const SIGNING = new Set(['sign-ad-referendum', 'conclude'])
export const BEFORE_JOINING = new Set(['join', 'say', 'acknowledge', 'reveal', 'publish', 'close', 'denounce'])
export const AFTER_CLOSING = new Set([
  'say', 'publish', 'acknowledge', 'denounce', 'withdraw-denunciation', 'breach', 'remedy', 'stop-applying', 'accede',
  'object-reservation', 'reveal',
])

/** The next state by a table; refuses where it has none. */
export function moved(table, state, event) {
  return table[state]?.[event] ?? refuse('dossier.overtaken')
}

/** Whether a signature was good when logged, was not withdrawn, and its deadline has not passed. */
export function waits(signature, moment) {
  return !signature.void && !signature.withdrawn && moment.time < (signature.act.said.deadline ?? Infinity)
}

/** Whether what a signature spent of a cumulative limit still counts. */
export function isReserved({ dossier, signature }, moment) {
  const paper = dossier.papers.get(signature.act.said.text)
  return !signature.withdrawn && KEEPING.has(dossier.consentState(paper, signature.party, moment))
}

/** A text in a dossier, by its digest, with all that was done to it. */
export class Paper {
  state = 'proposed'
  adoptedBy = new Set()
  authenticatedBy = new Set()
  consents = new Map()
  denunciations = []
  breaches = new Map()
  remedies = []

  constructor(digest, author, moment, until) {
    Object.assign(this, { digest, author, moment, until })
  }

  /** The party's consent to this text; one that says nothing where there was none. */
  consent(party) {
    if (!this.consents.has(party)) this.consents.set(party, newConsent(party))
    return this.consents.get(party)
  }
}

export function newConsent(party) {
  return {
    party, state: 'none', act: null, moment: null, signatures: [], restsOn: [], reserves: [], appliesSince: null,
    appliesUntil: Infinity, subjectTo: null,
  }
}

/** One dossier, folded. A moment that is asked about lies at the last act folded or after it. */
export class Dossier {
  joined = new Set()
  left = new Set()
  begun = false
  closed = null
  suspendedUntil = -Infinity
  papers = new Map()
  outcomes = new Map()
  // What reveals opened, by reveal; who acknowledged an act, by act.
  told = new Map()
  acknowledged = new Map()
  // Texts whose fate rests on one that is not here; and whether that of a close does.
  doubtful = new Set()
  unsettled = false

  /** `around` is the registry. */
  constructor({ id, said }, party, around) {
    const { parties, rules, sealed, parent } = said
    Object.assign(this, { id, around, parties, sealed, parent })
    this.scopes = new Set(said.scopes)
    this.share = rules.adopt === 'all' ? null : rules.adopt
    this.begin = Math.min(rules.begin ?? parties.length, parties.length)
    this.counterKills = rules.counter ?? parties.length === 2
    this.joinBy = rules.join_by ?? Infinity
    this.witnessed = rules.witnessed ?? false
    this.join(party)
  }

  doubt(digest) {
    this.doubtful.add(digest)
    this.around.doubt(this)
  }

  /** Whether what became of a text, or of an act on none, rests on a text that is not here. */
  inDoubt(digest) {
    return this.unsettled || this.doubtful.has(digest)
  }

  record(outcome) {
    this.outcomes.set(outcome.act.id, outcome)
    return outcome
  }

  join(party) {
    this.joined.add(party)
    this.begun ||= this.joined.size >= this.begin
  }

  staying() {
    return [...this.joined].filter(party => !this.left.has(party))
  }

  paper(digest) {
    return this.papers.get(digest) ?? refuse('dossier.unknown-text')
  }

  clauses(digest) {
    const text = this.around.text(digest) ?? miss('text.missing', 'a text that the claim rests on is not here')
    return text.parsedClauses
  }

  /** The clauses where the text is here, or null; in its absence, what rests on them becomes doubtful. */
  readableClauses(digest) {
    if (this.around.text(digest)) return this.clauses(digest)
    this.doubt(digest)
    return null
  }

  opensAt(paper) {
    return this.readableClauses(paper.digest)?.openFrom ?? -Infinity
  }

  // What time adds.

  state(moment) {
    if (this.closed) return this.closed.state
    if (this.begun) return 'open'
    return moment.time >= this.joinBy ? DOSSIER_TABLE.invited['join_by passes'] : 'invited'
  }

  textState(paper, moment) {
    if (paper.state === 'proposed' && moment.time >= paper.until) return TEXT_TABLE.proposed['until passes']
    const opened = paper.state === 'authenticated' && moment.time >= this.opensAt(paper)
    return opened ? TEXT_TABLE.authenticated['open_from passes'] : paper.state
  }

  consentState(paper, party, moment) {
    const consent = paper.consents.get(party)
    if (!consent) return 'none'
    const { state, signatures, appliesUntil } = consent
    const pending = () => signatures.some(signature => waits(signature, moment))
    if (state === SIGNED && !pending()) {
      const open = signatures.some(signature => !signature.withdrawn && !signature.void)
      return open ? CONSENT_TABLE[SIGNED]['deadline passes'] : 'none'
    }
    if (state === APPLYING && moment.time >= appliesUntil) return pending() ? SIGNED : 'none'
    if (!BINDING.has(state)) return state
    if (!this.boundSince(consent)) return signatures.length ? SIGNED : 'none'
    const notice = paper.denunciations.find(one => one.party === party && !one.withdrawn)
    if (!notice) return state
    return moment.time >= this.effective(paper, notice) ? 'withdrawn' : 'withdrawing'
  }

  /** The moment from which a binding consent counts: its own, or that of the confirmation it needs. */
  boundSince(consent) {
    const { act, moment, party, subjectTo, state } = consent
    if (!BINDING.has(state) || !act) return null
    if (!subjectTo) return moment
    const answer = this.around.register(party).confirmed(act.id, subjectTo)
    if (!answer || !answer.act.said.answer) return null
    // The talks were over before anything was confirmed.
    const over = this.closed && this.closed.state !== 'closed: agreed'
    if (over && this.closed.moment.index < answer.moment.index) return null
    const refused = this.around.refused(this, act.said.text, party, act.said.organ)
    if (refused === null) this.doubt(act.said.text)
    if (refused) return null
    return answer.moment.index > moment.index ? answer.moment : moment
  }

  bound(digest, party, moment) {
    const paper = this.papers.get(digest)
    return Boolean(paper) && BOUND.has(this.consentState(paper, party, moment))
  }

  /** When a notice takes effect by the text's clause; never, as far as anyone here can read. */
  effective(paper, notice) {
    const days = this.readableClauses(paper.digest)?.term.noticeDays ?? null
    return days === null ? limits.TIME_MAX : notice.moment.time + days * DAY_SECONDS
  }

  // Effect.

  /** The first moment at which the condition of entry into force was met over the consents then standing. */
  conditionMet(paper, clauses) {
    const standing = new Map()
    for (const { moment, party, consent } of this.consentEvents(paper)) {
      if (consent) standing.set(party, consent)
      else standing.delete(party)
      if (consent && isMet(clauses, standing, paper)) return moment
    }
    return null
  }

  consentEvents(paper) {
    const events = []
    for (const [party, consent] of paper.consents) {
      const moment = this.boundSince(consent)
      if (moment) events.push({ moment, party, consent })
    }
    for (const notice of paper.denunciations) {
      if (notice.withdrawn) continue
      const moment = { index: notice.moment.index, time: this.effective(paper, notice) }
      events.push({ moment, party: notice.party, consent: null })
    }
    return events.sort((one, other) => inTime(one.moment, other.moment))
  }

  /** The effect of a text between two parties at a moment: state, and since, until and reason where there are any. */
  effect(digest, first, second, moment) {
    const paper = this.papers.get(digest)
    if (!paper) return { state: 'none', reason: 'the text was not proposed in this dossier' }
    const clauses = this.clauses(digest), since = this.since(paper, clauses, first, second)
    const ending = () => this.endOf(paper, clauses, first, second, moment)
    const ended = end => ({ state: 'ended', since, until: end.time, reason: end.why })
    if (since === null || moment.time < since) {
      const provisional = this.provisional(paper, clauses, first, second, moment)
      if (provisional !== null) return { state: 'applied provisionally', since: provisional }
      if (since === null) return { state: 'none', reason: 'the condition of entry into force is not met' }
      const end = ending()
      if (end && end.time <= since) return ended(end)
      return { state: 'pending', since, until: end?.time, reason: end?.why }
    }
    const end = ending()
    if (end && moment.time >= end.time) return ended(end)
    if (invoked(paper, clauses, 'suspend', first, second).some(one => one.moment.index <= moment.index)) {
      return { state: 'suspended', since, reason: 'a remedy was invoked' }
    }
    if (end?.why === 'denounced') return { state: 'notice running', since, until: end.time, reason: end.why }
    return { state: 'in force', since, until: end?.time }
  }

  /** The instant of entry into force between two parties; a late party has its own. */
  since(paper, clauses, first, second) {
    const met = this.conditionMet(paper, clauses)
    if (!met) return null
    const times = [dateOfEffect(met.time, clauses.steps)]
    for (const party of [first, second]) {
      const consent = paper.consents.get(party), since = consent ? this.boundSince(consent) : null
      if (!since) return null
      if (inTime(since, met) > 0) times.push(dateOfEffect(since.time, clauses.steps))
    }
    return Math.max(...times)
  }

  /** Since when both apply the text provisionally or are bound by it, or null. */
  provisional(paper, clauses, first, second, moment) {
    const times = [], states = []
    for (const party of [first, second]) {
      const consent = paper.consents.get(party), state = this.consentState(paper, party, moment)
      if (!consent || !(state === APPLYING || BINDING.has(state))) return null
      states.push(state)
      times.push((state === APPLYING ? consent.appliesSince : this.boundSince(consent)).time)
    }
    return clauses.provisional && states.includes(APPLYING) ? Math.max(...times) : null
  }

  /** When and why the text ends between two parties, as known at the moment; the earliest end counts. */
  endOf(paper, clauses, first, second, moment) {
    const ends = [], end = (time, why) => ends.push({ time, why })
    if (clauses.term.until !== null && !clauses.term.tacit) end(clauses.term.until, 'its term is over')
    const leaving = this.parties.length === 2 ? this.parties : [first, second]
    for (const notice of paper.denunciations) {
      if (!notice.withdrawn && leaving.includes(notice.party)) end(this.effective(paper, notice), 'denounced')
    }
    for (const one of invoked(paper, clauses, 'end', first, second)) end(one.moment.time, 'a remedy was invoked')
    const wider = this.around.endedByWider(this, paper.digest, first, second, moment)
    if (wider !== null) end(wider, 'a wider text entered into force')
    return ends.sort((one, other) => one.time - other.time || (one.why < other.why ? -1 : 1))[0] ?? null
  }
}

const inTime = (one, other) => one.time - other.time || compare(one.index, other.index)

function isMet({ condition, parties }, standing, paper) {
  const { rule, count, names } = condition
  if (rule === 'count') return standing.size >= count
  if (rule === 'parties') return within(names, standing)
  if (rule === 'scopes') return within(names, new Set([...standing.values()].flatMap(scopesOf)))
  return within(parties.size ? parties : paper.adoptedBy, standing)
}

/** The remedies of one consequence that were invoked between two parties. */
function invoked(paper, clauses, does, first, second) {
  return paper.remedies.filter(({ act, between }) =>
    between.has(first) && between.has(second) && clauses.remedies[act.said.remedy]?.does === does)
}

/** The scopes that a consent covers: those of the mandates whose signatures it rests on. */
function scopesOf(consent) {
  return consent.restsOn.flatMap(({ mandate }) => mandate.chain.flatMap(link => [...(link.scope ?? [])]))
}
