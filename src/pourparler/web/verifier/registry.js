// One ledger's registers, dossiers and streams: its acts in ledger order, folded. Mirrors core/registry.py;
// spec/registry.md. Always what core calls exact: a fold of what is logged, never an intake.

import { Refused, STEP_POWER, STEP_STANDING, stepOf } from './errors.js'
import { add, digest } from './encoding.js'
import { Issuer } from './act.js'
import { Register } from './authority.js'
import { Spines, heard, listIn, miss, readDepositary, refuse, verifyOne, within } from './council.js'
import { Dossier, SIGNING } from './dossier.js'
import { admit, checkBounds, refusalOf } from './admission.js'

const CONSENTING = new Set([...SIGNING, 'ratify', 'accede'])

/** A list of acts with a running digest: heads[n] is the head after n + 1 acts, indexes[n] its place. */
class Stream {
  indexes = []

  constructor(id, heads = []) {
    Object.assign(this, { id, heads })
  }

  get count() { return this.heads.length }

  get head() { return this.heads.at(-1) ?? this.id }

  extend(act, index) {
    this.heads.push(digest('stream', this.head, act, index))
    this.indexes.push(index)
  }
}

/** A ledger's stamp; the ledger's first entry is its own. */
function readStamp(act, ledger, index) {
  const { said } = act
  verifyOne(act, act.envelope.signatures[0], ledger.key)
  if (act.kind === 'ledger') {
    if (index !== 0 || said.origin !== ledger.origin) refuse('stamp.index')
    return { index, time: said.at, follows: 0, streams: new Map() }
  }
  if (said.index !== index) refuse('stamp.index')
  const streams = new Map(said.streams.map(([stream, count, head]) => [stream, { count, head }]))
  return { index, time: said.at, follows: said.follows, streams }
}

const sameSet = (one, other) => one.size === other.size && within(one, other)

/** The fold of one ledger. `texts` and `homes` are Maps; with `partial`, not every dossier of the ledger is shown. */
export class Registry {
  registers = new Map()
  dossiers = new Map()
  streams = new Map()
  outcomes = new Map()
  partyOfOrgan = new Map()
  partyOfMandate = new Map()
  // By mandate: the signatures that spend its cumulative limit.
  spendings = new Map()
  // Dossiers where something rests on a text that is not here.
  doubted = new Set()
  // By mandate with a limit: what was signed under it, void or not.
  signings = new Map()
  // By text: the dossiers it was proposed in.
  proposedIn = new Map()
  // By party: texts it consented to in dossiers not shown.
  elsewhere = new Map()
  stamp = null

  constructor(ledger, texts, homes, partial) {
    Object.assign(this, { ledger, texts, homes, partial })
  }

  // What dossiers ask of their surroundings.

  register(party) {
    return this.registers.get(party) ?? miss('unknown.party')
  }

  text(digest) {
    return this.texts.get(digest) ?? null
  }

  /** The index of the entry that made this head, -1 for an empty stream, or null if it never was one. */
  seen(stream, count, head) {
    if (count === 0) return head === stream ? -1 : null
    const found = this.streams.get(stream)
    return found && count <= found.count && found.heads[count - 1] === head ? found.indexes[count - 1] : null
  }

  doubt(dossier) {
    this.doubted.add(dossier)
  }

  /** Whether a party is bound by a text in any dossier, or null where that rests on what is not shown. */
  boundAnywhere(text, party, moment) {
    const found = this.proposedIn.get(text) ?? []
    if (found.some(dossier => dossier.bound(text, party, moment) && !dossier.inDoubt(text))) return true
    if (this.elsewhere.get(party)?.has(text)) return null
    return found.some(dossier => dossier.inDoubt(text)) ? null : false
  }

  /** Whether the organ or one above it refused the text in another dossier; null where nobody can tell. */
  refused(dossier, text, party, organ) {
    const found = this.registers.get(party).refused(text, dossier.id, organ).map(act => this.refusal(act))
    return found.includes(true) || (found.includes(null) ? null : false)
  }

  /** Whether a refusal counts in its own dossier, or null where that dossier is not shown. */
  refusal(act) {
    const dossier = this.dossiers.get(act.said.dossier)
    if (!dossier || dossier.inDoubt(act.said.text)) return null
    const outcome = dossier.outcomes.get(act.id)
    return Boolean(outcome) && !outcome.void
  }

  /** Whether a signature under the mandate, on any text but this one, rests on a text that is not here. */
  spentInDoubt(mandate, dossier, text) {
    return (this.signings.get(mandate) ?? []).some(one =>
      (one.dossier !== dossier || one.text !== text) && one.dossier.inDoubt(one.text))
  }

  /** Whether both parties gave what may be their consent to another text, and nobody here can tell. */
  consentInDoubt(dossier, digest, pair) {
    for (const other of this.doubted) {
      const given = new Map()
      for (const { act, party } of other.outcomes.values()) {
        const { text } = act.said
        if (!CONSENTING.has(act.kind) || !other.inDoubt(text) || (other === dossier && text === digest)) continue
        listIn(given, text).push(party)
      }
      if ([...given.values()].some(parties => pair.every(party => parties.includes(party)))) return true
    }
    return false
  }

  /** When a wider text, in force between the same two parties, ended this one: one whose named scopes and parties
   * include all of its own, or one that stands in the framework dossier it names. Of one extent, the later stands. */
  endedByWider(dossier, digest, first, second, moment) {
    const local = dossier.clauses(digest), here = dossier.papers.get(digest)
    const frameworks = [local.framework, dossier.parent].filter(Boolean), ends = []
    const parties = local.parties.size ? local.parties : here.adoptedBy
    if (!local.scopes.size && !frameworks.length) return null
    if (this.consentInDoubt(dossier, digest, [first, second])) {
      miss('text.missing', 'whether a wider text stands rests on a text that is not here')
    }
    for (const { dossier: other, paper } of this.consented(first, second)) {
      const clauses = other.clauses(paper.digest)
      let wider = local.scopes.size > 0 && within(local.scopes, clauses.scopes) && within(parties, clauses.parties)
      if (sameSet(clauses.scopes, local.scopes) && sameSet(clauses.parties, parties)) {
        wider = paper.moment.index > here.moment.index
      }
      if (paper.digest !== digest && (wider || frameworks.includes(other.id))) {
        const since = other.since(paper, clauses, first, second)
        if (since !== null && here.moment.time < since && since <= moment.time) ends.push(since)
      }
    }
    return ends.length ? Math.min(...ends) : null
  }

  /** The texts that both parties have consented to, each with its dossier. */
  *consented(...parties) {
    for (const dossier of this.dossiers.values()) {
      for (const paper of dossier.papers.values()) {
        const consents = parties.map(party => paper.consents.get(party))
        if (consents.every(consent => consent && dossier.boundSince(consent))) yield { dossier, paper }
      }
    }
  }

  // Entries.

  /** Fold the entry at an index; return what became of it, or null for the ledger's own entries. */
  enter(act, index) {
    heard(act)
    const { stamp } = this
    if (act.issuer === Issuer.LEDGER) {
      this.turn(readStamp(act, this.ledger, index))
      return null
    }
    if (!stamp || !(stamp.index < index && index <= add(stamp.index, stamp.follows))) {
      miss('stamp.missing', `no stamp is shown for the transaction of entry ${index}`)
    }
    return this.admit(act, { index, time: stamp.time })
  }

  turn(stamp) {
    const before = this.stamp
    if (before && (stamp.time < before.time || stamp.index <= add(before.index, before.follows))) {
      refuse('stamp.contradiction')
    }
    this.stamp = stamp
  }

  /** Fold an act; return whether it is accepted or void. Throws where it is not there at all. */
  admit(act, moment) {
    heard(act)
    if (this.outcomes.has(act.id)) refuse('act.duplicate')
    const outcome = this.judge(act, moment)
    this.outcomes.set(act.id, outcome)
    const { kind, said } = act, dossier = this.dossiers.get(said.dossier)
    if (dossier && kind === 'propose') listIn(this.proposedIn, said.text).push(dossier)
    if (dossier && SIGNING.has(kind)) {
      for (const link of this.register(outcome.party).mandate(said.by).chain) {
        if (link.limit) listIn(this.signings, link.id).push({ dossier, text: said.text })
      }
    }
    for (const stream of this.streamsOf(act, outcome)) {
      if (!this.streams.has(stream)) this.streams.set(stream, new Stream(stream))
      this.streams.get(stream).extend(act.id, moment.index)
    }
    return outcome
  }

  judge(act, moment) {
    if (act.issuer === Issuer.LEDGER) refuse('stamp.submitted')
    if (act.kind === 'found') return this.found(act, moment)
    const party = this.partyOf(act), register = this.register(party), { said } = act
    const byHolder = act.issuer === Issuer.HOLDER, shown = this.dossiers.has(said.dossier)
    if (byHolder && act.row.dossier) {
      if (act.kind === 'open') return this.open(act, register, moment)
      const mandate = register.mandate(said.by)
      if (this.partial && !shown && mandate.owed.has(act.kind)) {
        miss('dossier.not-shown', 'whether a duty was done shows in a dossier that is not shown')
      }
      if (this.partial && !shown && act.kind === 'conclude') return this.concludeElsewhere(act, register, moment)
      if (!shown) miss('unknown.dossier')
      return admit(this.dossiers.get(said.dossier), act, party, moment)
    }
    try {
      register.admit(act, moment)
    } catch (refusal) {
      if (!(refusal instanceof Refused) || !byHolder || stepOf(refusal.reason) < STEP_STANDING) throw refusal
      register.spoken(act, register.mandate(said.by), moment, act.row.power)
      return { act, moment, void: refusal, party }
    }
    this.learn(act, party)
    if (act.row.dossier && shown) return admit(this.dossiers.get(said.dossier), act, party, moment)
    if (act.row.dossier) this.noteElsewhere(party, said.text)
    return { act, moment, void: null, party }
  }

  noteElsewhere(party, text) {
    if (!this.elsewhere.has(party)) this.elsewhere.set(party, new Set())
    this.elsewhere.get(party).add(text)
  }

  /** Note a binding signature in a dossier that is not shown: it belongs to its party's stream all the same. */
  concludeElsewhere(act, register, moment) {
    if (act.payload.has('total')) {
      miss('dossier.not-shown', 'a signature under a cumulative limit stands in a dossier not shown')
    }
    this.noteElsewhere(register.party, act.said.text)
    const refusal = register.spoken(act, register.mandate(act.said.by), moment, act.row.power)
    return { act, moment, void: refusal, party: register.party }
  }

  found(act, moment) {
    const register = new Register(new Spines(act, this.ledger), this.homes.get(act.id) ?? null)
    this.registers.set(act.id, register)
    this.streams.set(act.id, new Stream(act.id, register.heads))
    this.learn(act, act.id)
    return { act, moment, void: null, party: act.id }
  }

  /** Open a dossier. It names this ledger and at least the opener's own party. */
  open(act, register, moment) {
    const { party } = register
    if (readDepositary(act.said.ledger).id !== this.ledger.id) refuse('bounds.ledger')
    if (!act.said.parties.includes(party)) refuse('bounds.stranger')
    const mandate = register.mandate(act.said.by), dossier = new Dossier(act, party, this)
    const refusal = register.spoken(act, mandate, moment, act.row.power) ?? refusalOf(() => {
      checkBounds(dossier, act, register, mandate)
      register.checkStanding(mandate, act.row.power, moment)
      register.checkReported(act, mandate, moment)
    })
    if (refusal && stepOf(refusal.reason) < STEP_POWER) throw refusal
    if (!refusal) {
      this.dossiers.set(act.id, dossier)
      register.note(mandate, act, moment)
    }
    return dossier.record({ act, moment, void: refusal, party })
  }

  /** Remember which party the new organs and mandates of an act belong to. */
  learn(act, party) {
    const register = this.registers.get(party)
    for (const organ of register.spines.heads.keys()) {
      if (!this.partyOfOrgan.has(organ)) this.partyOfOrgan.set(organ, party)
    }
    if (register.mandates.has(act.id)) this.partyOfMandate.set(act.id, party)
  }

  /** Whose act it is. */
  partyOf({ issuer, said }) {
    if (issuer === Issuer.BEACON) return said.party
    if (issuer === Issuer.HOLDER) return this.partyOfMandate.get(said.by) ?? miss('unknown.mandate')
    if (issuer === Issuer.CERTIFIER) return this.partyOfMandate.get(said.class) ?? miss('unknown.mandate')
    return this.partyOfOrgan.get(said.organ) ?? miss('unknown.organ')
  }

  /** The streams that an admitted act belongs to. */
  streamsOf(act, { party }) {
    const { said, row, issuer, kind } = act, streams = [], register = this.registers.get(party)
    if (kind === 'open') streams.push(act.id)
    else if (row.dossier && this.dossiers.has(said.dossier)) streams.push(said.dossier)
    const byHolder = issuer === Issuer.HOLDER && row.dossier
    const counted = kind === 'conclude' || (SIGNING.has(kind) && act.payload.has('total'))
    if (!byHolder || counted || register.mandate(said.by).owed.has(kind)) streams.push(party)
    if (row.spine && issuer === Issuer.ORGAN && kind !== 'found' && register.spines.canonical.has(act.id)) {
      streams.push(said.organ)
      if (said.of && said.of !== said.organ) streams.push(said.of)
    }
    return streams
  }
}
