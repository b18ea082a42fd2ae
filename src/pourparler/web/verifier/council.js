// Organs: who sits, how they decide, the spine of their decisions. Mirrors core/council.py; spec/council.md.
//
// A fold of what is logged is always `exact` here: an entry holds the sufficient envelope and nothing else. So what core
// returns as an envelope is the envelope itself, and the functions below only refuse or do not.

import { Malformed, Missing, Refused } from './errors.js'
import { ALGORITHM_ED25519, compare, digest, encode, hex, kidOf, toBeSigned } from './encoding.js'
import { verifyEd25519 } from './signing.js'
import { ALL_POWERS, Power, QUESTION } from './act.js'
import { Passkey, verifyAssertion } from './passkey.js'
import { parseLines } from './redline.js'

const BINDING = Power.RATIFY | Power.CONCLUDE
const YIELDING = ['member', 'holder']
const VOTABLE = Power.RATIFY | Power.DENOUNCE

export function refuse(reason, detail) {
  throw new Refused(reason, detail)
}

export function miss(reason, detail) {
  throw new Missing(reason, detail)
}

// --- how the law reads a payload: maps as objects; what is data to it stays as it was decoded ---

const DATA = new Set(['lines', 'line', 'most', 'total'])

function plain(value) {
  if (Array.isArray(value)) return value.map(plain)
  if (!(value instanceof Map)) return value
  return Object.fromEntries([...value].map(([name, member]) => [name, DATA.has(name) ? member : plain(member)]))
}

/** The act, with its fields as the law reads them in `said`. */
export function heard(act) {
  act.said ??= plain(act.payload)
  return act
}

/** A list kept in a map under a key; made where there is none. */
export function listIn(map, key) {
  if (!map.has(key)) map.set(key, [])
  return map.get(key)
}

export const within = (small, large) => [...small].every(one => large.has(one))
/** What names a place on a spine: organ and act; where there is no act, no place. */
export const place = (organ, act) => act && hex(organ) + hex(act)

// --- nouns ---

export function readDepositary({ origin, key }) {
  return { origin, key, id: `${hex(key)} ${origin}` }
}

export function readCommittee(keys, needs) {
  const pairs = keys.map(key => (Array.isArray(key) ? key : [key, 1]))
  const committee = { seats: new Map(pairs), needs }
  if (committee.seats.size !== pairs.length || needs < 1 || needs > weightOf(committee)) refuse('decision.rule')
  return committee
}

export function lone(key) {
  return { seats: new Map([[key, 1]]), needs: 1 }
}

function weightOf(committee) {
  return [...committee.seats.values()].reduce((sum, weight) => sum + weight, 0)
}

function organId(actId, name) {
  return digest('organ', actId, name)
}

function readOrgan(value, party, createdBy, superior) {
  const subject = value.subject ?? 0
  if (subject & ~Power.RATIFY) refuse('decision.rule')
  return withSeating({
    id: organId(createdBy, value.name), party, name: value.name, members: readCommittee(value.seats, value.needs),
    powers: value.powers, votes: value.votes ?? 0, ballot: null, superior, subject,
    lines: parseLines(value.lines), urgency: null, suspenders: null, dissolved: false, place: 0,
  }, value)
}

/** The organ with the parts that an election may state anew, checked. */
function withSeating(organ, value) {
  const seated = { ...organ, until: value.until ?? Infinity }
  if (value.seats) seated.members = readCommittee(value.seats, value.needs ?? organ.members.needs)
  if (value.ballot) seated.ballot = value.ballot
  if (value.urgent) {
    seated.urgency = { members: readCommittee(value.urgent.keys, value.urgent.needs), lapse: value.urgent.lapse }
  }
  if (value.suspenders) seated.suspenders = new Set(value.suspenders)
  checkDecisive(seated)
  return seated
}

/** Refuse unless two conflicting decisions of the organ cannot both pass. */
function checkDecisive(organ) {
  const weight = weightOf(organ.members), { seats } = organ.members, { ballot } = organ
  let decisive = 2 * organ.members.needs > weight && !(organ.subject && organ.superior === null)
  decisive &&= !(organ.votes & ~VOTABLE) && !(organ.votes && !ballot)
  if (ballot) {
    const [part, whole] = ballot.share
    decisive &&= whole <= 2 * part && part < whole && weight < 2 * ballot.quorum && ballot.quorum <= weight
  }
  decisive &&= !organ.urgency || within(organ.urgency.members.seats.keys(), seats)
  decisive &&= !organ.suspenders || within(organ.suspenders, seats)
  if (!decisive) refuse('decision.rule')
}

/** Whether the same may act in urgency, as many of them, and as long. */
export function sameUrgency(first, second) {
  const [ours, theirs] = [first, second].map(one => one?.members.seats)
  return !!first && first.lapse === second.lapse && first.members.needs === second.members.needs
    && ours.size === theirs.size && [...ours].every(([key, weight]) => theirs.get(key) === weight)
}

/** The powers that are subject to the superior: to conclude is to bind as by ratifying. */
function conditions(organ) {
  return organ.subject | (organ.subject & Power.RATIFY ? Power.CONCLUDE : 0)
}

// --- signatures ---

export function verifyOne(act, signature, key) {
  if (signature.algorithm !== ALGORITHM_ED25519 || signature.kid !== kidOf(key)) refuse('signature.invalid')
  verifyEd25519(key, toBeSigned(act.envelope, signature, act.kind), signature.value)
}

function isBy(act, signature, key) {
  try {
    verifyOne(act, signature, key)
    return true
  } catch (error) {
    if (error instanceof Refused) return false
    throw error
  }
}

/** The good signatures by any of `keys`, one a key, in ascending order of the keys: pairs of key and signature. */
function signers(act, keys) {
  const byKid = new Map(), found = new Map()
  for (const key of keys) listIn(byKid, kidOf(key)).push(key)
  for (const signature of act.envelope.signatures) {
    const key = (byKid.get(signature.kid) ?? []).find(one => !found.has(one) && isBy(act, signature, one))
    if (key) found.set(key, signature)
  }
  return [...found].sort(([first], [second]) => compare(first, second))
}

/** The signatures of the committee and of those who must sign, where they suffice. */
export function sufficient(act, committee, mustSign = [], needs = committee.needs) {
  const required = new Set(mustSign)
  const found = new Map(signers(act, new Set([...required, ...committee.seats.keys()])))
  if (!within(required, found)) refuse('decision.possession')
  const weight = [...found.keys()].reduce((sum, key) => sum + (committee.seats.get(key) ?? 0), 0)
  if (weight < needs) refuse('decision.insufficient')
  return [...found.values()]
}

/** As `sufficient`, and the envelope holds these signatures, in their order, and no other. */
export function exactly(act, committee, mustSign, needs) {
  const found = sufficient(act, committee, mustSign, needs), logged = act.envelope.signatures
  if (found.length !== logged.length || found.some((one, at) => one !== logged[at])) {
    throw new Malformed('envelope.not-canonical')
  }
}

/** The one of `keys` that signed. A kid is a hint: every key that has it is tried. */
function signerAmong(act, keys, otherwise) {
  const [signature] = act.envelope.signatures
  const hinted = [...keys].filter(key => kidOf(key) === signature.kid)
  return hinted.find(key => isBy(act, signature, key)) ?? refuse(hinted.length ? 'signature.invalid' : otherwise)
}

// --- votes ---

/** Whether the votes carry the question, or null without a quorum. A recusal takes no part in it. */
function passed(poll, votes) {
  const totals = { yes: 0, no: 0, abstain: 0, recuse: 0 }, { quorum, share } = poll.organ.ballot
  for (const vote of votes) totals[poll.heard.get(vote).choice] += poll.heard.get(vote).weight
  if (totals.yes + totals.no + totals.abstain < quorum) return null
  return totals.yes * share[1] > (totals.yes + totals.no) * share[0]
}

function sameQuestion(first, second) {
  const asked = act => hex(encode(Object.keys(QUESTION).map(name => act.get(name) ?? null)))
  return asked(first) === asked(second)
}

/** The keys that an appointment names, by the role it gives them. */
function appointed(act) {
  if (act.kind !== 'appoint') return []
  return [['beacon', act.said.beacons ?? []], ['dispatch', act.said.dispatch ?? []]]
}

function readParty(act) {
  const { name, home, suspension, beacons, recovery } = act.said
  return {
    id: act.id, name, home: readDepositary(home), suspension, beacons: new Set(beacons),
    recovery: recovery ? { keys: readCommittee(recovery.keys, recovery.needs), wait: recovery.wait } : null,
  }
}

/** Whether a decision concerns an organ below, and so stands on its spine, too. */
const isOnTwo = ({ kind, said }) =>
  (kind === 'elect' || kind === 'dissolve') && said.of !== undefined && said.of !== said.organ

/** The places that a decision or a recovery names as those that it comes after. */
export function followedBy(act) {
  if (act.kind === 'found') return []
  return isOnTwo(act) ? [act.said.prior, act.said.theirs] : [act.said.prior]
}

// --- spines ---

/** The spines of one party as one ledger shows them, from its founding act on. */
export class Spines {
  // place -> organ there
  at = new Map()
  // organ -> its last place
  heads = new Map()
  // while this ledger is home: the act that began this time of it; and each such time, by that act -> the move that
  // ended it
  tenure = null
  tenures = new Map()
  // what this ledger took as home -> in which time
  canonical = new Map()
  // place -> {id, time}: the act that follows it at home; the recovery that the home let wait there
  taken = new Map()
  waitingHere = new Map()
  // place -> {id, ready}
  recoveries = new Map()
  // where a recovery leads -> {prior, ready}: what it follows
  waits = new Map()
  // what comes after a recovery -> where that leads; and that -> the last place after it, on the first branch
  stems = new Map()
  tips = new Map()
  // a decision on two spines -> the place on the other one that it follows here
  below = new Map()
  // decisions and recoveries, which others follow, by id; and the same in order
  links = new Map()
  inOrder = []
  // an organ that was constituted -> the act that did
  createdBy = new Map()
  // key -> role
  roles = new Map()
  // organ -> key -> what seated it
  seatedBy = new Map()
  // organ -> what named who may act in urgency
  urgentBy = new Map()
  // member -> passkeys
  passkeys = new Map()
  polls = new Map()
  handedOver = new Map()
  takenOverOnce = new Set()
  names = new Map()

  constructor(founding, ledger) {
    const party = readParty(founding), { beacons } = party
    Object.assign(this, { ledger, party, beacons, beaconsEver: new Set(beacons) })
    this.decisions = new Map([[founding.id, founding]])
    this.join(founding)
    this.found(founding)
    if (party.home.id !== ledger.id) return
    this.begin(founding)
    this.canonical.set(founding.id, founding.id)
  }

  /** Whether this ledger is the party's home at the moment, as far as it can know. */
  get home() {
    return this.tenure !== null
  }

  /** Let this ledger be the party's home from here on. What led here has its places: nothing else takes them. So have,
   *  after that, the elections from above that led here: on the other spine, what they followed is over. */
  begin(act) {
    this.tenure = act.id
    this.tenures.set(act.id, null)
    const walk = [act.id], seen = new Set(), above = []
    while (walk.length) {
      const link = this.link(walk.pop())
      if (!link || link.kind === 'found' || seen.has(link.id)) continue
      seen.add(link.id)
      const known = this.taken.has(place(link.said.organ, link.said.prior))
      this.give(link.said.organ, link.said.prior, link.id)
      // A recovery's place is given together with the one after it.
      if (!known || link.kind === 'recover') walk.push(...followedBy(link))
      if (!known && isOnTwo(link)) above.push(link)
    }
    for (const link of above) this.close(link)
  }

  /** Give the places before a decision from above on the other spine. What stood there may be other than what the home
   *  before took, so that nothing is given but that spine's own places, and only those that are left. */
  close(act) {
    const organ = act.said.of
    for (let link = act, at = this.below.get(act.id); ;) {
      const known = this.taken.has(place(organ, at))
      this.give(organ, at, link.id)
      if (!this.links.has(at) || (known && link.kind !== 'recover')) break
      link = this.links.get(at)
      at = link.said.organ === organ ? link.said.prior : this.below.get(at)
    }
    this.give(organ, act.said.theirs, act.id)
  }

  found(act) {
    for (const value of act.said.organs) {
      if (value.superior && !this.names.has(value.superior)) refuse('decision.rule')
      const organ = readOrgan(value, act.id, act.id, value.superior ? organId(act.id, value.superior) : null)
      if (this.names.has(organ.name)) refuse('decision.rule')
      this.names.set(organ.name, organ.id)
      this.at.set(place(organ.id, organ.id), organ)
      this.heads.set(organ.id, organ.id)
      this.seat(act, organ, null)
    }
    const founders = [...this.at.values()].flatMap(organ => [...organ.members.seats.keys()])
    this.takeRoles('ledger', [this.party.home.key])
    this.takeRoles('member', founders)
    this.takeRoles('beacon', this.party.beacons)
    this.takeRoles('recovery', this.party.recovery ? this.party.recovery.keys.seats.keys() : [])
    exactly(act, { seats: new Map(), needs: 0 }, founders)
  }

  /** Remember which act gave whom a seat, and which named who may act in urgency. */
  seat(act, after, before) {
    const { urgency } = after
    if (urgency && !sameUrgency(before?.urgency, urgency)) listIn(this.urgentBy, after.id).push({ act, urgency })
    if (!this.seatedBy.has(after.id)) this.seatedBy.set(after.id, new Map())
    for (const [key, weight] of after.members.seats) {
      if (before?.members.seats.get(key) !== weight) listIn(this.seatedBy.get(after.id), key).push({ act, weight })
    }
  }

  checkRole(role, key) {
    if ((this.roles.get(key) ?? role) !== role) refuse('decision.key-role')
  }

  /** Give keys a role; no key serves two. */
  takeRoles(role, keys) {
    const taking = [...keys]
    for (const key of taking) this.checkRole(role, key)
    this.giveRole(role, taking)
  }

  giveRole(role, keys) {
    for (const key of keys) this.roles.set(key, role)
  }

  // What others ask.

  organ(organ, at = this.heads.get(organ)) {
    if (!this.heads.has(organ)) miss('unknown.organ')
    return this.at.get(place(organ, at)) ?? miss('unknown.prior')
  }

  /** The organ as it stands now, with keys that a recovery has replaced by this time. */
  seated(organ, time) {
    return this.organ(organ, this.present(organ, time))
  }

  /** The place where the organ stands now: its head or, where a recovery follows that and has waited, what that has led
   *  to. The head stays behind: a decision in the recovery's place, whenever it is heard, is next. */
  present(organ, time) {
    let at = this.heads.get(organ)
    for (let one; (one = this.recoveries.get(place(organ, at))) && time >= one.ready;) {
      at = this.tips.get(place(organ, one.id))
    }
    return at
  }

  /** The organ whose confirmation a power is subject to: the nearest superior not itself subject. */
  answersTo(organ, power) {
    let above = null
    while (power & organ.subject && organ.superior !== null) {
      above = organ.superior
      organ = this.organ(above)
    }
    return above
  }

  standsAbove(higher, lower) {
    let above = this.organ(lower).superior
    while (above !== null && above !== higher) above = this.organ(above).superior
    return above !== null
  }

  governs(organ, other) {
    return organ === other || this.standsAbove(organ, other)
  }

  // Decisions.

  /** Check a decision at its place and move the spine. */
  decide(act, time) {
    const organ = this.organ(act.said.organ, act.said.prior)
    this.checkUntaken(organ.id, act.said.prior, time)
    this.checkInOffice(act, organ, time)
    const after = this.statesAfter(act, organ, time)
    this.checkEnvelope(act, organ, after, time)
    this.settle(act, after, this.home || this.heads.get(organ.id) === act.said.prior)
  }

  checkUntaken(organ, prior, time) {
    if (!this.home) return
    const at = place(organ, prior), recovery = this.recoveries.get(at)
    if (this.taken.has(at) || (recovery && time >= recovery.ready)) refuse('decision.overtaken')
    if (time < this.waits.get(at)?.ready) refuse('decision.recovery-waits')
    this.checkKept(prior)
  }

  /** Refuse where a home has given what the place comes after to another. */
  checkKept(at) {
    if (this.home && this.isLost(at)) refuse('decision.overtaken')
  }

  /** Whether this ledger, as home, gave a place that this one comes after to another. */
  isLost(at) {
    const seen = new Set(), walk = [at]
    while (walk.length) {
      const link = this.link(walk.pop())
      if (!link || seen.has(link.id) || this.took(link)) continue
      if (this.gaveAway(link, this).length) return true
      seen.add(link.id)
      walk.push(...followedBy(link))
    }
    return false
  }

  /** Remember a decision or a recovery, which others may follow. */
  join(act) {
    this.links.set(act.id, act)
    this.inOrder.push(act)
  }

  /** The act that a place is or, for the beginning of a spine, that which constituted the organ. */
  link(at) {
    return this.links.get(this.createdBy.get(at) ?? at)
  }

  /** In which time this ledger, as home, took a decision, or one that follows the recovery. */
  took(act) {
    const one = act.kind === 'recover' ? this.taken.get(place(act.said.organ, act.said.prior)) : undefined
    return one?.id === act.id ? one.time : this.canonical.get(act.id)
  }

  /** In which times this ledger, as home, gave the place that the act follows to another act. On the spine of another
   *  organ a decision follows whatever comes before it, but for a recovery (as a ledger that has both tells). */
  gaveAway(act, known) {
    if (act.kind === 'found') return []
    const { organ, prior, of, theirs } = act.said, rivals = [this.taken.get(place(organ, prior))]
    if (act.kind === 'recover') rivals.push(this.waitingHere.get(place(organ, prior)))
    else if (isOnTwo(act) && known.waits.has(place(of, theirs))) rivals.push(this.taken.get(place(of, theirs)))
    return rivals.filter(rival => rival && rival.id !== act.id).map(({ time }) => time)
  }

  /** Record that the home gives a place to an act, and so the place of each recovery that the act follows. */
  give(organ, prior, id) {
    for (let at = prior, by = id; !this.taken.has(place(organ, at));) {
      this.taken.set(place(organ, at), { id: by, time: this.tenure })
      const before = this.waits.get(place(organ, at))
      if (!before) return
      by = at
      at = before.prior
    }
  }

  /** Refuse unless the organ exists, is within its term (at home) and has the power that the kind asks for. */
  checkInOffice(act, organ, time) {
    if (organ.dissolved) refuse('decision.dissolved')
    const mayElect = act.kind === 'elect' && organ.superior === null
    const over = this.home && time >= organ.until
    if (over && !mayElect && act.kind !== 'hand-over') refuse('decision.term-over')
    const forAll = act.kind === 'move-home' || act.said.beacons || act.said.dispatch
    if (forAll && organ.superior !== null) refuse('power.missing')
    if (act.row.power & ~organ.powers & ALL_POWERS) refuse('power.missing')
  }

  /** The organs that the act leaves behind, each with its place, by organ. */
  statesAfter(act, organ, time) {
    const moved = { ...organ, place: organ.place + 1 }, after = new Map([[organ.id, { at: act.id, state: moved }]])
    const leave = (state, at = act.id) => after.set(state.id, { at, state })
    if (act.kind === 'confirm') leave(this.takenOver(act, moved))
    if (act.kind === 'hand-over') leave(this.handed(act, moved))
    if (act.kind === 'elect' || act.kind === 'dissolve') leave(this.changed(act, organ, moved, time))
    if (act.kind === 'constitute') {
      const created = readOrgan(act.said.new, organ.party, act.id, this.superiorOf(act, organ))
      if (this.home && this.names.has(created.name)) refuse('decision.rule')
      if (created.powers & ~organ.powers) refuse('power.missing')
      created.lines = [...organ.lines, ...created.lines]
      created.subject |= conditions(organ) & created.powers
      leave(created, created.id)
    }
    return after
  }

  /** The place on another organ's spine that a decision from above follows: its head, whatever later place that is.
   *  Elsewhere than at home, no head moves past a recovery: the last place after that. */
  followedOf(organ, named) {
    this.organ(organ, named)
    if (this.waits.has(place(organ, named))) return named
    const stem = this.home ? undefined : this.stems.get(place(organ, named))
    return stem ? this.tips.get(stem) : this.heads.get(organ)
  }

  handed(act, organ) {
    if (act.said.powers & ~organ.powers) refuse('power.missing')
    if (act.said.to === organ.id) refuse('decision.rule')
    this.organ(act.said.to)
    return { ...organ, powers: organ.powers & ~act.said.powers }
  }

  /** The organ with the powers of a hand-over that the act confirms, and with the conditions on them. */
  takenOver(act, organ) {
    const handed = this.handedOver.get(act.said.about)
    if (handed?.act.said.to !== organ.id || !act.said.answer || this.takenOverOnce.has(act.said.about)) return organ
    const given = handed.act.said.powers, { giver } = handed, siblings = organ.superior === giver.superior
    const conditional = conditions(giver) & given
    if (conditional && !siblings && !this.standsAbove(organ.id, giver.id)) {
      if (!this.home) return organ // the home took the act: before the hand-over, so that it took nothing over
      refuse('power.missing')
    }
    const inherits = given & BINDING && !(organ.powers & BINDING)
    return {
      ...organ,
      powers: organ.powers | given,
      subject: organ.subject | (siblings ? conditional : 0),
      lines: [...organ.lines, ...(inherits ? giver.lines.filter(line => !organ.lines.includes(line)) : [])],
    }
  }

  superiorOf(act, organ) {
    const name = act.said.new.superior ?? organ.name
    const named = [...this.heads.keys()].filter(one => this.at.get(place(one, one)).name === name)
    return named.find(one => this.governs(organ.id, one)) ?? refuse('decision.rule')
  }

  /** What an election or dissolution leaves of the organ itself, or of the one that it names. */
  changed(act, organ, moved, time) {
    const { of = organ.id, theirs } = act.said
    let change = moved
    if (of !== organ.id) {
      const at = this.followedOf(of, theirs), other = this.organ(of, at)
      this.checkUntaken(of, at, time)
      this.checkKept(theirs)
      if (!this.standsAbove(organ.id, of)) refuse('power.missing')
      change = { ...other, place: other.place + 1 }
    }
    return act.kind === 'elect' ? withSeating(change, act.said) : { ...change, dissolved: true }
  }

  /** Refuse unless the envelope is sufficient: by signature, or by the vote that the act cites. */
  checkEnvelope(act, organ, after, time) {
    const added = new Set()
    for (const { state } of after.values()) {
      const before = this.at.get(place(state.id, state.id === organ.id ? act.said.prior : act.said.theirs))
      for (const key of state.members.seats.keys()) if (!before?.members.seats.has(key)) added.add(key)
    }
    for (const key of this.home ? added : []) {
      if (!YIELDING.includes(this.roles.get(key) ?? 'member')) refuse('decision.key-role')
    }
    for (const { member } of act.said.passkeys ?? []) {
      if (!organ.members.seats.has(member)) refuse('decision.no-seat')
      added.add(member)
    }
    if (this.home) for (const [role, keys] of appointed(act)) for (const key of keys) this.checkRole(role, key)
    const byVote = act.row.power & organ.votes
    if (byVote) this.checkVote(act, organ, time)
    exactly(act, organ.members, added, byVote ? 1 : undefined)
  }

  /** Record an accepted decision: nothing may raise from here on. */
  settle(act, after, moves) {
    const { organ, prior, theirs, about } = act.said, organBefore = this.at.get(place(organ, prior))
    this.decisions.set(act.id, act)
    this.join(act)
    const followed = new Map([[organ, prior]])
    for (const [id, { at }] of after) if (id !== at && id !== organ) followed.set(id, this.followedOf(id, theirs))
    for (const [id, before] of followed) if (id !== organ) this.below.set(act.id, before)
    for (const [id, { at, state }] of after) {
      this.seat(act, state, this.at.get(place(id, followed.get(id))))
      this.at.set(place(id, at), state)
      if (id === at) {
        if (!this.names.has(state.name)) this.names.set(state.name, id)
        this.createdBy.set(id, act.id)
      }
      if (id === at || moves) this.heads.set(id, at)
      if (followed.has(id)) this.lead(id, followed.get(id), at, moves || id === organ)
      this.giveRole('member', state.members.seats.keys())
    }
    if (act.kind === 'confirm' && moves && this.handedOver.get(about)?.act.said.to === organ) {
      this.takenOverOnce.add(about)
    }
    if (act.kind === 'hand-over') this.handedOver.set(act.id, { act, giver: organBefore })
    if (act.row.power & organBefore.votes) this.polls.get(act.said.call).spent = true
    if (this.home) {
      for (const [id, before] of followed) this.give(id, before, act.id)
      this.canonical.set(act.id, this.tenure)
    }
    if (act.kind === 'appoint' && moves) this.appoint(act)
    if (act.kind === 'move-home') {
      const home = readDepositary(act.said.home).id
      if (this.home) this.tenures.set(this.tenure, { id: act.id, home })
      this.tenure = null
      if (home === this.ledger.id) this.begin(act)
    }
  }

  /** Note a place that comes after a recovery; of rivals the first moves on what that has led to. */
  lead(organ, before, at, moves) {
    const stem = this.stems.get(place(organ, before))
    if (!stem) return
    this.stems.set(place(organ, at), stem)
    if (moves && this.tips.get(stem) === before) this.tips.set(stem, at)
  }

  appoint(act) {
    if (act.said.beacons) this.beacons = new Set(act.said.beacons)
    for (const key of this.beacons) this.beaconsEver.add(key)
    for (const [role, keys] of appointed(act)) this.giveRole(role, keys)
    for (const one of act.said.passkeys ?? []) {
      listIn(this.passkeys, one.member).push(new Passkey(one.algorithm, one.key, one.relying_party, one.origin))
    }
  }

  /** Record a replacement of members' keys by the recovery keys; it takes effect after the founding act's wait. */
  recover(act, time) {
    const { recovery } = this.party, organ = this.organ(act.said.organ, act.said.prior), { seats } = organ.members
    if (!recovery) refuse('decision.insufficient')
    const at = place(organ.id, act.said.prior)
    if (this.home && (this.taken.has(at) || this.recoveries.has(at))) refuse('decision.overtaken')
    const replaced = new Map(act.said.seats), added = new Set(replaced.values())
    if (!within(replaced.keys(), seats) || added.size !== act.said.seats.length) refuse('decision.rule')
    for (const key of added) this.checkRole('holder', key)
    exactly(act, recovery.keys, added)
    const renewed = [...seats].map(([key, weight]) => [replaced.get(key) ?? key, weight])
    renewed.sort(([first], [second]) => compare(first, second))
    const members = { seats: new Map(renewed), needs: organ.members.needs }
    const after = { ...organ, members, place: organ.place + 1, urgency: null, suspenders: null }
    this.at.set(place(organ.id, act.id), after)
    this.seat(act, after, organ)
    const ready = time + recovery.wait
    if (!this.recoveries.has(at)) this.recoveries.set(at, { id: act.id, ready })
    const leads = place(organ.id, act.id)
    this.waits.set(leads, { prior: act.said.prior, ready })
    this.stems.set(leads, leads)
    this.tips.set(leads, act.id)
    this.join(act)
    if (this.home) this.waitingHere.set(at, { id: act.id, time: this.tenure })
    this.giveRole('member', added)
  }

  /** Refuse unless the organ's urgent members suffice, as the organ stands now. */
  urgent(act, time) {
    const organ = this.seated(act.said.organ, time)
    this.checkInOffice(act, organ, time)
    if (!organ.urgency || !(organ.powers & Power.URGENT)) refuse('power.missing')
    exactly(act, organ.urgency.members)
  }

  // Members.

  /** The key of the member who speaks, as the organ stands now. */
  member(act, time) {
    const organ = this.seated(act.said.organ, time)
    if (organ.dissolved) refuse('decision.dissolved')
    return this.memberAmong(act, [...organ.members.seats.keys()])
  }

  memberAmong(act, keys) {
    const [signature] = act.envelope.signatures
    if (signature.algorithm === ALGORITHM_ED25519) return signerAmong(act, keys, 'decision.no-seat')
    if (act.kind !== 'vote') refuse('passkey.votes-only')
    for (const member of keys) {
      for (const passkey of this.passkeys.get(member) ?? []) {
        if (passkey.algorithm === signature.algorithm && kidOf(passkey.publicKey) === signature.kid) {
          verifyAssertion(passkey, act.id, signature.value)
          return member
        }
      }
    }
    return refuse('decision.no-seat')
  }

  /** Open a vote. A member keeps one vote on a question open at a time. */
  call(act, time) {
    const caller = this.member(act, time), organ = this.seated(act.said.organ, time)
    if (!organ.ballot) refuse('vote.no-ballot')
    if (this.home && act.said.closes < time + organ.ballot.open) refuse('vote.too-short')
    for (const poll of this.polls.values()) {
      const open = poll.caller === caller && time < poll.act.said.closes
      if (open && sameQuestion(poll.act, act)) refuse('vote.repeated')
    }
    this.polls.set(act.id, { act, organ, caller, cast: new Map(), heard: new Map(), spent: false })
  }

  /** Count a vote: at home one a member, of members seated both when the vote was called and now. */
  vote(act, time) {
    const poll = this.polls.get(act.said.call)
    if (poll?.organ.id !== act.said.organ) miss('unknown.act')
    const roll = poll.organ.members.seats
    let key, weight
    if (this.home) {
      key = this.member(act, time)
      if (!roll.has(key)) refuse('vote.not-on-roll')
      if (poll.cast.has(key)) refuse('vote.repeated')
      if (time >= poll.act.said.closes) refuse('vote.closed')
      weight = roll.get(key)
    } else {
      // Whoever ever had a seat: what the home counted, the decision cites.
      const ever = this.seatedBy.get(this.organ(act.said.organ).id)
      key = this.memberAmong(act, [...ever.keys()])
      weight = roll.get(key) ?? ever.get(key).at(-1).weight
    }
    if (!poll.cast.has(key)) poll.cast.set(key, act.id)
    poll.heard.set(act.id, { key, weight, choice: act.said.choice })
  }

  /** Refuse unless the decision is what the vote it cites decided, all votes cited. */
  checkVote(act, organ, time) {
    const poll = this.polls.get(act.said.call)
    if (poll?.organ.id !== organ.id) refuse('vote.not-cited')
    const asked = poll.act.said, sameText = asked.dossier === act.said.dossier && asked.text === act.said.text
    const refused = act.kind === 'refuse' && ['ratify', 'accede'].includes(asked.decides) && sameText
    if (!refused && (act.kind !== asked.decides || !sameQuestion(poll.act, act))) refuse('vote.other-question')
    const cited = act.said.votes ?? [], cast = new Set(poll.cast.values())
    const voters = new Set(cited.filter(vote => poll.heard.has(vote)).map(vote => poll.heard.get(vote).key))
    const whole = this.home ? cited.length === cast.size && within(cited, cast) : voters.size === cited.length
    if (!whole) refuse('vote.incomplete')
    if (this.home && poll.spent) refuse('vote.spent')
    if (this.home && time < asked.closes) refuse('vote.open')
    const carried = passed(poll, cited)
    if (carried === null) refuse('vote.no-quorum')
    if (carried === (act.kind === 'refuse')) refuse('vote.contradicted')
  }

  beacon(act) {
    return signerAmong(act, this.beacons, 'signature.invalid')
  }
}
