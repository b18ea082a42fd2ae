// Authority: mandates granted, narrowed and ended, and who stands when. Mirrors core/authority.py; spec/authority.md.

import { Malformed, Missing, Refused } from './errors.js'
import { limits } from './encoding.js'
import { ALL_POWERS, Issuer, KINDS, Power } from './act.js'
import { amount, commitment, parseLine, parseLines, parsePath } from './redline.js'
import { exactly, followedBy, lone, place, readCommittee, readDepositary, sufficient, verifyOne } from './council.js'
import { listIn, miss, refuse, within, sameUrgency } from './council.js'

export const LEASED = Power.CONCLUDE | Power.DELEGATE | Power.DENOUNCE
const NEVER_TO_HOLDERS = Power.RATIFY | Power.URGENT
const NEVER_TO_CLASSES = Power.CONCLUDE | Power.DELEGATE
const URGENT_GRANTS = Power.OPEN | Power.PROPOSE

// --- mandates: links of a chain, each a grant, a narrower link, or a certificate under a class mandate ---

function readMandate(act, organ, parent, logged) {
  const said = act.said, { to, cosign, limit, duty } = said
  const single = to instanceof Uint8Array
  const holder = !to ? null : single ? lone(to) : readCommittee(to.keys, to.needs)
  if (limit) parsePath(limit.path)
  if (limit && !amount(limit.most)) throw new Malformed('line.malformed')
  if (duty && !isCountable(duty.kind)) throw new Malformed('act.field')
  const powers = act.kind === 'certify' && parent ? parent.powers : said.powers
  const lines = parseLines(said.lines)
  const mandate = {
    act, id: act.id, organ: organ.id, parent, holder, single, powers, lines, logged,
    until: said.until ?? Infinity, starts: said.from ?? -Infinity, private: said.private ?? [], dossier: said.dossier ?? null,
    scope: said.scope ? new Set(said.scope) : null, partners: said.with ? new Set(said.with) : null,
    ledgers: said.ledgers ? new Set(said.ledgers.map(ledger => readDepositary(ledger).id)) : null,
    depth: said.depth ?? 0, fresh: said.fresh ?? null, report: said.report ?? null, duty: duty ?? null,
    witnessed: said.witnessed ?? false,
    cosigning: cosign ? { powers: cosign.powers, by: readCommittee(cosign.keys, cosign.needs) } : null,
    limit: limit ? { path: limit.path, most: limit.most, ledger: readDepositary(limit.ledger).id } : null,
    certifier: said.class?.certifier ?? null,
    organLines: organ.lines, conferred: parent ? powers & parent.conferred : powers,
  }
  mandate.above = parent ? parent.chain : []
  mandate.chain = [...mandate.above, mandate]
  mandate.owed = new Set(mandate.chain.filter(link => link.duty).map(link => link.duty.kind))
  return mandate
}

/** Whether acts of this kind are counted for duties: those of holders in dossiers. */
function isCountable(kind) {
  const row = KINDS.get(kind)
  return Boolean(row) && row.issuer.includes(Issuer.HOLDER) && row.dossier
}

/** Refuse unless the organ may give this mandate. */
function checkGrant(mandate, organ) {
  const { powers } = mandate
  if (powers & NEVER_TO_HOLDERS) refuse('power.organs-only')
  if (!mandate.holder && (powers & NEVER_TO_CLASSES || mandate.limit || mandate.depth)) refuse('power.class')
  if (mandate.act.kind === 'urgent-grant' && powers & ~URGENT_GRANTS) refuse('power.urgent')
  if (powers & ~organ.powers) refuse('power.missing')
  if (powers & Power.CONCLUDE && organ.subject & (Power.RATIFY | Power.CONCLUDE)) refuse('power.missing')
}

/** Refuse unless the link keeps within its parent. A certificate inherits what it does not state. */
function checkNarrows(child, parent) {
  const certified = child.act.kind === 'certify'
  const keeps = axis => parent[axis] === null || (child[axis] !== null && within(child[axis], parent[axis]))
  let narrows = !(child.powers & ~parent.powers)
  narrows &&= child.until <= parent.until && (certified || child.starts >= parent.starts)
  narrows &&= keeps('scope') || (certified && child.scope === null)
  narrows &&= certified || (keeps('partners') && keeps('ledgers'))
  narrows &&= certified || parent.dossier === null || child.dossier === parent.dossier
  if (!narrows) refuse('chain.widens')
  if (child.act.kind === 'delegate' && child.depth >= parent.depth) refuse('chain.depth')
}

/** Whether line and salt open one of the private commitments of the chain. */
export function opens(mandate, line, salt) {
  parseLine(line)
  const wanted = commitment(line, salt)
  return mandate.chain.some(link => link.private.includes(wanted))
}

// --- endings ---

/** What ends or suspends a target: when it stood in the ledger, and what it stops. */
function ending(act, reason, moment, more = {}) {
  return { act, reason, moment, stops: ALL_POWERS, holdsUntil: Infinity, lapses: Infinity, member: null, ...more }
}

function dismissal(act, moment, lapses = Infinity) {
  const stops = ALL_POWERS & ~(act.said.holds ?? 0)
  return ending(act, 'standing.dismissed', moment, { stops, holdsUntil: act.said.until ?? Infinity, lapses })
}

/** Whether the ending stops the power at the moment, given what its organ has answered about it. */
function stopsThen(one, power, moment, confirmation) {
  if (power && !(power & one.stops) && moment.time < one.holdsUntil) return false
  if (!confirmation || confirmation.moment.index >= moment.index) return moment.time < one.lapses
  return confirmation.act.said.answer && confirmation.moment.time < one.lapses
}

/** The homes that a party has had, in turn and as far as they are shown: by the act that began each time, its founding act
 *  or the move that the home before took. `at` finds a register by its ledger's name. */
export function homesOf({ id, home }, at) {
  const found = new Map()
  for (let move = { id, home: home.id }; move && !found.has(move.id);) {
    const here = at(move.home)
    // A move counts once it is logged in the new home, too.
    if (!here?.spines.tenures.has(move.id)) break
    found.set(move.id, here)
    move = here.spines.tenures.get(move.id)
  }
  return found
}

/** What a party's home ledger is shown to hold: the judge between sibling decisions. */
export class HomeView {
  // what can never be real -> the number of the time that says so
  lost = new Map()
  // of the notices of the ledger that asks, in their order
  judged = 0

  /** `registers` are those of its home, and of each home it moved to, each ledger once, the present home last. */
  constructor(registers) {
    this.registers = registers
    const at = new Map(registers.map(one => [one.spines.ledger.id, one]))
    const times = registers.length ? [...homesOf(registers[0].spines.party, home => at.get(home))] : []
    // Of each time of a ledger as home.
    this.number = new Map(times.map(([begun], number) => [begun, number]))
    const [begun, last] = times.at(-1) ?? []
    this.present = last && last.spines.tenures.get(begun) === null ? last.spines.ledger.id : null
  }

  /** The number of the first time in which a home took a decision, or one that follows a recovery. */
  took(act) {
    const found = this.registers.map(({ spines }) => this.number.get(spines.took(act))).filter(Number.isInteger)
    return found.length ? Math.min(...found) : null
  }

  /** Whether the home took a decision of which a ledger has notice, or one that follows a recovery. What comes after a
   *  place that the home gave to another, no home ever takes. */
  holds(act, notices) {
    for (; this.judged < notices.inOrder.length; this.judged++) this.judge(notices.inOrder[this.judged], notices)
    if (!notices.links.has(act.id)) this.judge(act, notices) // the ledger that asks has not taken it
    if (this.lost.has(act.id)) return false
    if (this.took(act) !== null) return true
    return miss('home.not-shown', `the home ledger of the party is not shown up to this ${act.kind}`)
  }

  /** Note an act that is lost, by the first home that knows: an earlier one has the last word about its time. */
  judge(act, notices) {
    const times = this.registers.flatMap(({ spines }) => spines.gaveAway(act, notices))
    const before = followedBy(act).map(at => this.lost.get(notices.link(at)?.id))
    const lostBy = Math.min(...[...before, ...times.map(time => this.number.get(time))].filter(Number.isInteger))
    if (lostBy < (this.took(act) ?? Infinity)) this.lost.set(act.id, lostBy)
  }

  /** Whether a home named the beacon's key and has had the head that it states. */
  had(beacon) {
    const { count, head } = beacon.act.said
    return this.registers.some(one => one.had(count, head) && one.spines.beaconsEver.has(beacon.key))
  }

  /** What the home's decisions ended: the target, the ending, its organ and its place on the spine. */
  *endings() {
    for (const { spines, endings } of this.registers) {
      for (const [target, listed] of endings) {
        for (const one of listed) {
          const state = one.act.row.spine ? spines.at.get(place(one.act.said.organ, one.act.id)) : null
          if (state && this.number.has(spines.canonical.get(one.act.id))) yield { target, one, organ: state.id, at: state.place }
        }
      }
    }
  }
}

// --- the register ---

/** All acts of one party in one ledger, in ledger order. It refuses before it changes anything. */
export class Register {
  mandates = new Map()
  // By target.
  endings = new Map()
  urgentActs = new Map()
  // By the urgent act: who could give it, as it was logged.
  urgencies = new Map()
  confirmations = new Map()
  beacons = []
  // By mandate.
  lifted = new Map()
  // The organ that is asked, by question.
  questions = new Map()
  // What was done in time for a duty, by the mandate that asks for it.
  done = new Map()
  // By text.
  refusals = new Map()
  // Of the party's stream here, after each act.
  heads = []

  constructor(spines, home) {
    Object.assign(this, { spines, home, party: spines.party.id })
  }

  // What is real: acts of organs that the home ledger took.

  isReal(act) {
    const judgedAtHome = act.row.spine || act.kind === 'recover'
    return !this.home || !judgedAtHome || this.home.holds(act, this.spines)
  }

  checkReal(act) {
    if (!this.isReal(act)) refuse('standing.sibling')
  }

  /** The refusals of a text in other dossiers by the organ or one above it. */
  refused(text, dossier, organ) {
    return (this.refusals.get(text) ?? []).filter(act =>
      act.said.dossier !== dossier && this.spines.governs(act.said.organ, organ) && this.isReal(act))
  }

  // Admission, by issuer.

  /** Take in an act of the party that belongs to no dossier. */
  admit(act, moment) {
    switch (act.issuer) {
      case Issuer.ORGAN: return this.admitDecision(act, moment)
      case Issuer.RECOVERY: return this.spines.recover(act, moment.time)
      case Issuer.URGENT: return this.admitUrgent(act, moment)
      case Issuer.MEMBER: return this.admitMember(act, moment)
      case Issuer.HOLDER: return this.admitLink(act, moment)
      case Issuer.CERTIFIER: return this.admitCertificate(act, moment)
      default: return this.admitBeacon(act, moment)
    }
  }

  /** What a decision says of mandates is checked before the spine moves. */
  admitDecision(act, moment) {
    const said = act.said, organ = this.spines.organ(said.organ, said.prior)
    let mandate
    if (act.kind === 'grant') {
      mandate = readMandate(act, organ, null, moment)
      checkGrant(mandate, organ)
      if (this.spines.home) this.checkHolderKeys(mandate)
    }
    if (act.kind === 'dismiss') this.checkMayEnd(said.organ, said.mandate)
    if (act.kind === 'confirm') this.checkMayConfirm(act)
    if (act.kind === 'lift') this.checkMayLift(act)
    this.spines.decide(act, moment.time)
    if (act.kind === 'grant') this.take(mandate)
    if (act.kind === 'dismiss') this.end(said.mandate, dismissal(act, moment))
    if (act.kind === 'confirm') listIn(this.confirmations, said.about).push({ act, moment })
    if (act.kind === 'lift') listIn(this.lifted, said.mandate).push({ act, moment })
    if (act.kind === 'refuse') listIn(this.refusals, said.text).push(act)
    if (act.kind === 'object') this.end(said.about, ending(act, 'standing.objected', moment))
  }

  admitUrgent(act, moment) {
    const organ = this.spines.seated(act.said.organ, moment.time)
    this.spines.urgent(act, moment.time)
    if (act.kind === 'urgent-grant') {
      const mandate = readMandate(act, organ, null, moment)
      checkGrant(mandate, organ)
      this.checkHolderKeys(mandate)
      this.take(mandate)
      this.urgentActs.set(act.id, mandate)
    } else {
      this.checkMayEnd(organ.id, act.said.mandate)
      const one = dismissal(act, moment, moment.time + organ.urgency.lapse)
      this.end(act.said.mandate, one)
      this.urgentActs.set(act.id, one)
    }
    this.urgencies.set(act.id, organ.urgency)
  }

  admitMember(act, moment) {
    const said = act.said
    if (act.kind === 'call') return this.spines.call(act, moment.time)
    if (act.kind === 'vote') return this.spines.vote(act, moment.time)
    if (act.kind === 'suspend') return this.suspend(act, moment)
    this.spines.member(act, moment.time)
    if (act.kind === 'question') {
      if (!this.spines.standsAbove(said.organ, said.of)) refuse('power.missing')
      this.questions.set(act.id, said.of)
    }
    if (act.kind === 'answer') {
      if (!this.questions.has(said.question)) miss('unknown.act')
      if (this.questions.get(said.question) !== said.organ) refuse('power.missing')
    }
  }

  /** A suspension by one member lapses unless the organ confirms it, and the same member cannot repeat it. */
  suspend(act, moment) {
    const member = this.spines.member(act, moment.time), { target } = act.said
    const organ = this.spines.seated(act.said.organ, moment.time), mandate = this.mandates.get(target)
    if (organ.suspenders && !organ.suspenders.has(member)) refuse('power.missing')
    if (mandate && !this.spines.governs(organ.id, mandate.organ)) refuse('power.missing')
    const kid = one => one.envelope.signatures[0].kid
    for (const one of this.endings.get(target) ?? []) {
      if (one.act.kind === 'suspend' && kid(one.act) === kid(act)) refuse('suspension.repeated')
    }
    const lapses = moment.time + this.spines.party.suspension
    this.end(target, ending(act, 'standing.suspended', moment, { lapses, member }))
  }

  /** Take in a narrower link, a holder's revocation of one below, or his words to his own side. */
  admitLink(act, moment) {
    const parent = this.mandate(act.said.by)
    if (act.kind === 'revoke') {
      this.checkSpeaker(act, parent, moment, 0)
      const target = this.mandate(act.said.target)
      if (!target.above.includes(parent)) refuse('power.missing')
      this.checkStanding(parent, 0, moment)
      return this.end(target.id, ending(act, 'standing.revoked', moment))
    }
    if (act.kind === 'query' || act.kind === 'reply') return this.checkSpeaker(act, parent, moment, 0)
    const child = readMandate(act, this.spines.organ(parent.organ), parent, moment)
    if (child.chain.length > limits.CHAIN_LINKS_MAX) refuse('chain.depth')
    this.checkSpeaker(act, parent, moment, Power.DELEGATE)
    checkNarrows(child, parent)
    this.checkHolderKeys(child)
    this.checkStanding(parent, Power.DELEGATE, moment)
    this.take(child)
  }

  /** Take in a certificate, or its withdrawal, by the certifier that the class mandate names. */
  admitCertificate(act, moment) {
    const above = this.mandate(act.said.class)
    if (!above.certifier) refuse('chain.custody')
    verifyOne(act, act.envelope.signatures[0], above.certifier)
    if (act.kind === 'withdraw-certificate') {
      const target = this.mandate(act.said.target)
      if (target.parent !== above) refuse('power.missing')
      return this.end(target.id, ending(act, 'standing.withdrawn', moment))
    }
    for (const one of this.endings.get(above.certifier) ?? []) {
      const stands = one.act.kind !== 'object' && this.ends(one, above.organ)
      if (stands && this.works(one, 0, moment)) refuse('standing.certifier')
    }
    const certificate = readMandate(act, this.spines.organ(above.organ), above, moment)
    checkNarrows(certificate, above)
    this.checkHolderKeys(certificate)
    this.take(certificate)
  }

  admitBeacon(act, moment) {
    const key = this.spines.beacon(act), { serial, count, head, at } = act.said
    if (this.beacons.some(one => one.key === key && serial <= one.act.said.serial)) refuse('beacon.serial')
    if (this.spines.home && !this.had(count, head)) refuse('beacon.head')
    this.beacons.push({ act, key, moment, since: Math.min(at, moment.time) })
  }

  /** Whether the party's stream in this ledger has had this count and head. */
  had(count, head) {
    return count <= this.heads.length && head === (count ? this.heads[count - 1] : this.party)
  }

  // Bookkeeping.

  take(mandate) {
    this.mandates.set(mandate.id, mandate)
    for (const key of mandate.holder ? mandate.holder.seats.keys() : []) {
      if (!this.spines.roles.has(key)) this.spines.roles.set(key, 'holder')
    }
  }

  end(target, one) {
    listIn(this.endings, target).push(one)
  }

  /** Remember that a holder acted, for the duties of his chain; and whether it is certain what became of it. */
  note(mandate, act, moment, accepted = true, certain = true) {
    for (const { id, duty } of mandate.chain) {
      if (duty && duty.kind === act.kind && moment.time < duty.by) {
        const done = this.done.get(id) ?? { accepted: false, certain: false }
        this.done.set(id, { accepted: done.accepted || accepted, certain: done.certain || (accepted && certain) })
      }
    }
  }

  mandate(id) {
    return this.mandates.get(id) ?? miss('unknown.mandate')
  }

  checkHolderKeys({ holder, duty }) {
    const keys = [...(holder ? holder.seats.keys() : []), ...(duty ? [duty.then] : [])]
    for (const key of keys) this.spines.checkRole('holder', key)
  }

  /** Refuse where a mandate that has been seen is not the organ's to end. One that has not, `ends` judges later. */
  checkMayEnd(organ, target) {
    const mandate = this.mandates.get(target)
    const named = mandate ? [mandate] : [...this.mandates.values()].filter(link => link.certifier === target)
    if (named.length && !named.some(link => this.spines.governs(organ, link.organ))) refuse('power.missing')
  }

  /** Whether an ending can reach what an organ granted: a holder's own, an objection by an organ above it, anything
   *  else by that organ or one above. */
  ends(one, granting) {
    const { organ } = one.act.said
    if (one.act.kind === 'object') return this.spines.standsAbove(organ, granting)
    return !organ || this.spines.governs(organ, granting)
  }

  /** An urgent act and a suspension are confirmed by their organ or one above; the rest is judged where it counts. */
  checkMayConfirm(act) {
    const { organ, about } = act.said
    const suspended = [...this.endings.values()].flat().find(one => one.act.id === about && one.lapses < Infinity)
    const confirmed = this.urgentActs.get(about) ?? suspended
    if (confirmed && !this.spines.governs(organ, confirmed.act.said.organ)) refuse('power.missing')
  }

  /** What the organ answered about a suspension or an urgent dismissal, in whatever order both came. */
  answered(one) {
    return one.lapses < Infinity ? this.confirmed(one.act.id, one.act.said.organ) : null
  }

  /** Whether an ending that stands before the moment stops the power then. */
  works(one, power, moment) {
    return this.isReal(one.act) && this.isSeated(one) && stopsThen(one, power, moment, this.answered(one))
  }

  /** Whether whoever suspended, or acted in urgency, has his seat by a decision that the home took, where it is shown. */
  isSeated(one) {
    if (one.member === null) return this.isUrgent(one.act)
    return this.anyReal(this.spines.seatedBy.get(one.act.said.organ).get(one.member))
  }

  /** Whether a decision that the home took, where it is shown, named those who could give an urgent act. */
  isUrgent(act) {
    const urgency = this.urgencies.get(act.id)
    if (!urgency) return true
    return this.anyReal(this.spines.urgentBy.get(act.said.organ).filter(one => sameUrgency(one.urgency, urgency)))
  }

  /** Whether one of these decisions counts, by its home where that is shown. */
  anyReal(found) {
    if (!this.home) return true
    let missing = null
    for (const { act } of found) {
      try {
        if (this.isReal(act)) return true
      } catch (error) {
        if (!(error instanceof Missing)) throw error
        missing = error
      }
    }
    if (missing) throw missing
    return false
  }

  /** Whether an ending lapses unless confirmed, and has not been. */
  unconfirmed(one) {
    return one.lapses < Infinity && !this.answered(one)?.act.said.answer
  }

  /** The first answer about an act by this organ or one above it, before a moment if one is given. */
  confirmed(id, organ, before = null) {
    for (const one of this.confirmations.get(id) ?? []) {
      const counts = this.spines.governs(one.act.said.organ, organ) && this.isReal(one.act)
      if (counts && (!before || one.moment.index < before.index)) return one
    }
    return null
  }

  checkMayLift(act) {
    const { organ, line, mandate } = act.said
    if (!this.spines.home && !this.mandates.has(mandate)) return
    const link = this.mandate(mandate)
    if (line >= link.lines.length) refuse('line.unknown')
    if (!this.spines.governs(organ, link.organ)) refuse('power.missing')
  }

  // May they?

  /** Who may speak under the mandate: its holder, or the successor once a duty was missed. */
  speakers(mandate, moment) {
    if (!mandate.holder) refuse('chain.custody')
    return mandate.duty && this.missed(mandate, moment) ? lone(mandate.duty.then) : mandate.holder
  }

  missed(mandate, moment) {
    if (moment.time < mandate.duty.by) return false
    const done = this.done.get(mandate.id)
    if (done && !done.certain) miss('text.missing', 'whether the duty was done rests on a text that is not here')
    return !done || !done.accepted
  }

  checkSpeaker(act, mandate, moment, power) {
    const void_ = this.spoken(act, mandate, moment, power)
    if (void_) throw void_
  }

  /** Why an act of the mandate's holder is void, or null. Throws where it is not there at all. */
  spoken(act, mandate, moment, power) {
    const holder = this.speakers(mandate, moment), former = holder === mandate.holder ? null : mandate.holder
    const beside = mandate.chain.filter(({ cosigning }) => cosigning && power & cosigning.powers)
    if (holder.seats.size === 1 && !beside.length && (mandate.single || former)) {
      if (this.isByFormer(act, holder, former)) return new Refused('standing.duty-missed')
    } else {
      if (act.envelope.form !== 'COSE_Sign') throw new Malformed('act.form')
      this.checkJoint(act, holder, beside.map(({ cosigning }) => cosigning.by))
    }
    for (const key of holder.seats.keys()) {
      if ((this.spines.roles.get(key) ?? 'holder') !== 'holder') return new Refused('standing.key-role')
    }
    return power & ~mandate.conferred ? new Refused('power.missing') : null
  }

  /** Whether an act of one key is that of a holder whom his successor has replaced: he is told so. */
  isByFormer(act, holder, former) {
    if (act.envelope.form !== 'COSE_Sign1') {
      if (!former) throw new Malformed('act.form')
      exactly(act, former)
      return true
    }
    const [signature] = act.envelope.signatures
    try {
      verifyOne(act, signature, [...holder.seats.keys()][0])
      return false
    } catch (error) {
      if (!(error instanceof Refused) || !former || former.seats.size > 1) throw error
      verifyOne(act, signature, [...former.seats.keys()][0])
      return true
    }
  }

  checkJoint(act, holder, beside) {
    const others = beside.flatMap(by => [...by.seats.keys()]).map(key => [key, 0])
    exactly(act, { seats: new Map([...others, ...holder.seats]), needs: holder.needs })
    const present = new Set(act.envelope.signatures.map(({ kid }) => kid))
    for (const by of beside) {
      if (!within(sufficient(act, by).map(({ kid }) => kid), present)) refuse('decision.insufficient')
    }
  }

  /** Refuse unless every link is in force for the power then; `counts` chooses the endings that the judge may know. */
  checkStanding(mandate, power, moment, counts = () => true) {
    for (const link of mandate.chain) {
      this.checkReal(link.act)
      if (moment.time < link.starts) refuse('standing.not-yet')
      if (moment.time >= link.until) refuse('standing.expired')
      if (link.act.kind === 'urgent-grant') this.checkUrgent(link, moment)
      for (const one of this.endings.get(link.id) ?? []) {
        const stands = one.moment.index < moment.index && counts(one) && this.ends(one, link.organ)
        if (stands && this.works(one, power, moment)) refuse(one.reason)
      }
      if (link.fresh !== null && power & LEASED) this.checkFresh(link.fresh, moment)
    }
  }

  checkUrgent(link, moment) {
    if (!this.isUrgent(link.act)) refuse('standing.sibling')
    const lapses = link.logged.time + this.urgencies.get(link.id).lapse
    const confirmation = this.confirmed(link.id, link.organ, moment)
    if (confirmation && !confirmation.act.said.answer) refuse('standing.undone')
    if (moment.time >= lapses && !(confirmation && confirmation.moment.time < lapses)) refuse('standing.lapsed')
  }

  /** The lease: without a beacon younger than the mandate's bound, committing powers freeze. */
  checkFresh(fresh, moment) {
    const young = this.beacons.filter(one => one.moment.index < moment.index && moment.time - one.since <= fresh)
    if (!young.length) refuse('standing.stale')
    if (this.home && !young.some(one => this.home.had(one))) {
      miss('home.not-shown', 'no home ledger that is shown has had the head that the beacon states')
    }
  }

  /** Under prompt reporting, an act states its instant and is logged soon after. */
  checkReported(act, mandate, moment) {
    const { at } = act.said
    for (const { report } of mandate.chain) {
      if (report !== null && (at === undefined || moment.time - at > report)) refuse('standing.unreported')
    }
  }

  /** The public lines of every link that were not lifted before; to conclude, those on the organ's own power, too. */
  lines(mandate, power, moment) {
    const kept = mandate.chain.flatMap(link => link.lines.filter((_, line) => !this.isLifted(link.id, line, moment)))
    return power & Power.CONCLUDE ? [...kept, ...mandate.chain[0].organLines] : kept
  }

  isLifted(mandate, line, moment) {
    return (this.lifted.get(mandate) ?? []).some(lift =>
      lift.act.said.line === line && lift.moment.index < moment.index && this.isReal(lift.act))
  }
}
