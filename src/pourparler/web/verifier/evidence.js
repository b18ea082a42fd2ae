// Evidence: the bundle that convinces a stranger offline, and the one function that verifies it. Mirrors
// core/evidence.py; spec/evidence.md. Start reading here.

import { Malformed, Missing, PourparlerError } from './errors.js'
import { ALGORITHM_ED25519, add, compare, decode, equal, hex, limits, unhex } from './encoding.js'
import { isBytes, isInt, isList, isMap, isText } from './encoding.js'
import { settled } from './signing.js'
import { ALL_POWERS, Issuer, Power, parseAct } from './act.js'
import { LEASED, HomeView, homesOf } from './authority.js'
import { miss, readDepositary, refuse } from './council.js'
import { KeyType, VerifierKey, openCheckpoint, quorumMet } from './ledger.js'
import { leafHash, verifyConsistency, verifyMultiproof } from './ledger.js'
import { parseText, textDigest } from './redline.js'
import { Registry } from './registry.js'

const FORMAT = 'pourparler/1 evidence'
const STEPS = [
  'the bundle is well-formed', 'the party is one that you trust',
  'the entries stand under checkpoints that the ledgers signed', 'the stamps give every entry its time',
  'each party\'s home ledger is shown, without a gap', 'the acts of the claim\'s ledger are folded',
  'no act of the streams is left out', 'witnesses saw the checkpoints in time', 'the texts are here', 'the claim',
  'how old this is',
]
const CLAIM_FIELDS = new Map([
  ['bound', ['parties', 'dossier', 'text']],
  ['in-force', ['parties', 'dossier', 'text']],
  ['may', ['parties', 'mandate', 'holder', 'power']],
  ['recorded', ['act']],
])
const CLAIM_PARTIES = { 'bound': 1, 'in-force': 2, 'may': 1, 'recorded': 0 }

const start = id => `${hex(id).slice(0, 16)}…`

// --- step 1: reading ---

function malformed(reason = 'bundle.malformed') {
  throw new Malformed(reason, 'a part of the bundle is missing or of another type')
}

const asBytes = (value, length) =>
  isBytes(value) && (length === undefined || value.length === length) ? value : malformed()
const asId = value => asBytes(value, 32)
const asIndex = value => (isInt(value) && value >= 0 ? value : malformed())
const asText = value => (isText(value) ? value : malformed())
const asMap = value => (isMap(value) ? value : malformed())
const asList = (value, length) =>
  isList(value) && (length === undefined || value.length === length) ? value : malformed()
const isOf = (map, ...names) => map.size === names.length && names.every(name => map.has(name))

function parseBundle(data) {
  const value = asMap(decode(data, limits.EVIDENCE_MAX_BYTES, limits.EVIDENCE_ITEMS_MAX))
  if (!isOf(value, 'format', 'claim', 'ledgers', 'texts') || value.get('format') !== FORMAT) malformed()
  const claim = parseClaim(asMap(value.get('claim')))
  const ledgers = asList(value.get('ledgers')).map(parseShown)
  const texts = asList(value.get('texts')).map(text => asBytes(text))
  const named = new Set(ledgers.map(({ ledger }) => ledger.id))
  if (!ledgers.length || named.size !== ledgers.length) malformed()
  return { claim, ledgers, texts }
}

function parseClaim(value) {
  const kind = asText(value.get('kind')), fields = CLAIM_FIELDS.get(kind)
  if (!fields || !isOf(value, 'kind', 'ledger', 'as_of', ...fields)) malformed('bundle.claim')
  const named = asMap(value.get('ledger')), claim = { kind, ledger: parseDepositary(named), parties: [] }
  for (const name of fields) {
    const given = value.get(name)
    if (name === 'parties') claim.parties = asList(given).map(asId)
    else claim[name] = name === 'power' ? asIndex(given) : asId(given)
  }
  const { parties, power = 1 } = claim, count = CLAIM_PARTIES[kind]
  if (power < 1 || power > ALL_POWERS) malformed('bundle.claim')
  if (new Set(parties).size !== count || parties.length !== count || named.size !== 2) malformed('bundle.claim')
  return { ...claim, asOf: asIndex(value.get('as_of')) }
}

function parseDepositary(value) {
  return readDepositary({ origin: asText(value.get('origin')), key: asId(value.get('key')) })
}

function parseShown(value) {
  if (!isOf(asMap(value), 'origin', 'key', 'checkpoint', 'entries', 'hashes', 'earlier')) malformed()
  const entries = asList(value.get('entries')).map(pair => {
    const [index, entry] = asList(pair, 2)
    return { index: asIndex(index), entry: asBytes(entry) }
  })
  if (entries.some(({ index }, at) => at && entries[at - 1].index >= index)) malformed()
  const hashesOf = list => asList(list).map(hash => asBytes(hash))
  return {
    ledger: parseDepositary(value), checkpoint: asBytes(value.get('checkpoint')), entries,
    hashes: hashesOf(value.get('hashes')),
    earlier: asList(value.get('earlier')).map(pair => {
      const [note, hashes] = asList(pair, 2)
      return { note: asBytes(note), hashes: hashesOf(hashes) }
    }),
  }
}

// --- steps 3 and 4: one ledger ---

/** Verify that the entries stand under the checkpoint; return the acts that they are. */
function prove({ ledger, checkpoint, entries, hashes, earlier }, witnesses) {
  const key = new VerifierKey(ledger.origin, KeyType.ED25519, ledger.key)
  const newest = openCheckpoint(checkpoint, ledger.origin, key, witnesses), { size, root } = newest.checkpoint
  const leaves = new Map(entries.map(({ index, entry }) => [index, leafHash(entry)]))
  if (!equal(verifyMultiproof(size, leaves, hashes), root)) {
    refuse('proof.root', 'the entries are not those that the ledger\'s checkpoint covers')
  }
  const proven = { ledger, size, checkpoints: [newest], acts: [], stamps: new Map() }
  Object.assign(proven, { unreadable: [], skipped: [], unopened: [] })
  for (const one of earlier) proveEarlier(proven, one, key, witnesses)
  for (const { index, entry } of entries) {
    try {
      proven.acts.push({ index, act: parseAct(entry) })
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      proven.unreadable.push({ index, error })
    }
  }
  return proven
}

/** Keep an earlier checkpoint that is consistent with the newest one; pass over one that does not open. What the ledger
 *  signed has to be consistent all the same: else it forked. */
function proveEarlier({ ledger, checkpoints, unopened }, { note, hashes }, key, witnesses) {
  const { size, root } = checkpoints[0].checkpoint, open = by => openCheckpoint(note, ledger.origin, key, by)
  let older
  try {
    older = open(witnesses)
    checkpoints.push(older)
  } catch (error) {
    if (!(error instanceof PourparlerError)) throw error
    unopened.push(error)
    try {
      older = open([])
    } catch (still) {
      if (!(still instanceof PourparlerError)) throw still
      return
    }
  }
  verifyConsistency(older.checkpoint.size, older.checkpoint.root, size, root, hashes)
}

/** Fold the proven acts up to an index; return the first thing that is missing where a place could not be judged. */
function fold(proven, registry, upTo) {
  const stated = new Map()
  let missing = null
  proven.skipped = [...proven.unreadable]
  proven.stamps.clear()
  for (const { index, act } of proven.acts) {
    if (index > upTo) break
    try {
      if (!registry.enter(act, index)) noteStamp(proven, registry.stamp, act, stated)
    } catch (error) {
      const lacking = error instanceof Missing
      if (!(error instanceof PourparlerError) || (!lacking && act.issuer === Issuer.LEDGER)) throw error
      proven.skipped.push({ index, error })
      if (lacking && !error.reason.startsWith('unknown.')) missing ??= error
    }
  }
  return missing
}

/** Keep a stamp; two that state one count of a stream with two heads contradict each other. */
function noteStamp(proven, stamp, act, stated) {
  if (act.kind === 'ledger') proven.bound = act.said.bound
  for (const [stream, { count, head }] of stamp.streams) {
    const name = `${hex(stream)} ${count}`
    if ((stated.get(name) ?? head) !== head) refuse('stamp.contradiction')
    stated.set(name, head)
  }
  proven.stamps.set(stamp.index, stamp)
}

// --- the verification ---

/** A step that decides the verdict before the last one. */
class Stop extends Error {}

/** One run of the numbered steps, in the order of spec/evidence.md section 4. */
class Verification {
  steps = []
  notes = []
  claim = null
  time = null
  registry = null
  texts = new Map()
  // By ledger: what was missing when it was folded.
  missing = new Map()

  constructor(trust, at) {
    Object.assign(this, { trust, at })
  }

  run(data) {
    try {
      this.judge(data)
    } catch (error) {
      if (!(error instanceof Stop)) throw error
    }
    return this
  }

  passed(number, detail = '') {
    this.steps.push({ number, name: STEPS[number - 1], verdict: 'VALID', detail, reason: '' })
  }

  stop(number, error) {
    if (!(error instanceof PourparlerError)) throw error
    const { detail, reason } = error, verdict = error instanceof Missing ? 'CANNOT TELL' : 'INVALID'
    this.steps.push({ number, name: STEPS[number - 1], verdict, detail, reason })
    throw new Stop()
  }

  lacks(number, reason, detail) {
    this.stop(number, new Missing(reason, detail))
  }

  /** What the step finds; where it fails, the verdict. */
  attempt(number, find) {
    try {
      return find()
    } catch (error) {
      return this.stop(number, error)
    }
  }

  judge(data) {
    const bundle = this.attempt(1, () => parseBundle(data)), claim = this.claim = bundle.claim
    const entries = bundle.ledgers.reduce((sum, shown) => sum + shown.entries.length, 0)
    this.passed(1, `${data.length} bytes, ${entries} entries`)
    this.checkTrust(claim)
    const proven = this.checkLedgers(bundle)
    this.readTexts(bundle)
    const registries = this.foldLedgers(proven), homes = this.findHomes(registries, proven)
    this.registry = this.foldClaim(proven, registries, homes)
    const stamp = this.checkStreams(proven.get(claim.ledger.id)), moment = { index: claim.asOf, time: stamp.time }
    this.checkWitnesses(proven, registries)
    this.checkTexts()
    this.passed(10, this.attempt(10, () => CLAIMS[claim.kind](claim, this.registry, moment)))
    this.checkAge(moment)
  }

  /** A claim that no trusted party stands behind proves nothing to this verifier. */
  checkTrust({ parties }) {
    const trusted = parties.filter(party => this.trust.parties.has(party))
    if (parties.length && !trusted.length) {
      this.lacks(2, 'trust.unknown-party', 'you trust none of the parties that the claim names')
    }
    this.passed(2, trusted.map(party => `${start(party)} (${this.trust.parties.get(party)})`).join('; '))
  }

  checkLedgers({ ledgers }) {
    const witnesses = (this.trust.policy?.witnesses ?? []).map(({ key }) => key)
    const proven = new Map()
    for (const shown of ledgers) proven.set(shown.ledger.id, this.attempt(3, () => prove(shown, witnesses)))
    for (const { ledger, unopened } of proven.values()) {
      for (const error of unopened) {
        this.notes.push(`an earlier checkpoint of ${ledger.origin} is passed over: ${error.message}`)
      }
    }
    this.passed(3, [...proven.values()].map(({ ledger, size }) => `${ledger.origin} of size ${size}`).join(', '))
    return proven
  }

  /** Texts are named by their digests, so that no text can stand for another. */
  readTexts({ texts }) {
    for (const data of texts) {
      try {
        this.texts.set(textDigest(data), parseText(data))
      } catch (error) {
        if (!(error instanceof PourparlerError)) throw error
        this.notes.push(`a text of the bundle cannot be read and is left aside: ${error.message}`)
      }
    }
  }

  /** Fold each ledger by its own notice, which is the last word where it is a party's home. */
  foldLedgers(proven) {
    const registries = new Map()
    for (const [id, found] of proven) {
      const registry = new Registry(found.ledger, this.texts, new Map(), true)
      const upTo = id === this.claim.ledger.id ? this.claim.asOf : found.size
      const missing = this.attempt(4, () => fold(found, registry, upTo))
      if (missing?.reason.startsWith('stamp.')) this.stop(4, missing)
      registries.set(id, registry)
      this.missing.set(id, missing)
    }
    this.passed(4, `${[...proven.values()].reduce((sum, found) => sum + found.stamps.size, 0)} stamps`)
    return registries
  }

  /** For each party, the registers of its home ledger and of each home it moved to. */
  findHomes(registries, proven) {
    const homes = new Map()
    for (const registry of registries.values()) {
      for (const [party, register] of registry.registers) {
        if (!homes.has(party)) homes.set(party, new HomeView(homeRegisters(register, registries)))
      }
    }
    for (const [id, found] of proven) {
      // Of the claim's ledger, step 7 asks for the streams that the claim rests on.
      if (id !== this.claim.ledger.id) this.checkHomeStreams(found, registries.get(id))
    }
    this.passed(5, `${homes.size} parties`)
    return homes
  }

  /** In a home ledger, the party's stream must be whole up to the largest count that a stamp states. */
  checkHomeStreams(found, registry) {
    for (const party of atHome(registry)) {
      const stated = [...found.stamps.values()].map(stamp => stamp.streams.get(party)).filter(Boolean)
      const most = stated.sort((one, other) => compare(other.count, one.count))[0], stream = registry.streams.get(party)
      if (most?.count !== stream.count || most.head !== stream.head) {
        const { name } = registry.registers.get(party).spines.party
        this.lacks(5, 'home.incomplete', `the home stream of ${name} has a gap`)
      }
    }
  }

  /** Fold the claim's ledger, its parties' decisions judged by their homes. */
  foldClaim(proven, registries, homes) {
    const { ledger, asOf } = this.claim, found = proven.get(ledger.id)
    if (!found) this.lacks(6, 'ledger.not-shown', 'the ledger that the claim names is not shown')
    let registry = registries.get(ledger.id), missing = this.missing.get(ledger.id)
    const elsewhere = new Map([...registry.registers].filter(([, { spines }]) =>
      spines.party.home.id !== ledger.id || spines.tenures.get(spines.party.id) !== null).map(([party]) => [party, homes.get(party)]))
    if (elsewhere.size) {
      registry = new Registry(ledger, this.texts, elsewhere, true)
      missing = fold(found, registry, asOf)
    }
    if (missing) this.stop(6, missing)
    for (const { index, error } of found.skipped) this.notes.push(`entry ${index} is passed over: ${error.message}`)
    const outcomes = [...registry.outcomes.values()], votes = outcomes.filter(({ act }) => act.kind === 'vote')
    const passkeys = votes.filter(({ act }) => act.envelope.signatures[0].algorithm !== ALGORITHM_ED25519).length
    if (passkeys) this.notes.push(`${passkeys} of ${votes.length} votes are signed with passkeys`)
    this.passed(6, `${outcomes.length} acts, ${outcomes.filter(one => one.void).length} of them void`)
    return registry
  }

  /** The stamp at `as_of` states the head of each stream that the claim rests on, and it is ours. */
  checkStreams({ stamps }) {
    const stamp = stamps.get(this.claim.asOf) ??
      this.lacks(7, 'stream.no-stamp', 'the stamp that the claim is as of is not shown')
    this.time = stamp.time
    const needed = [...this.streamsNeeded()].sort(compare)
    for (const stream of needed) {
      const ours = this.registry.streams.get(stream), stated = stamp.streams.get(stream)
      const name = `stream ${start(stream)}`
      if (!stated) this.lacks(7, 'stream.not-stated', `the stamp does not state ${name}`)
      if (stated.count !== ours?.count || stated.head !== ours.head) {
        this.lacks(7, 'stream.incomplete', `${ours?.count ?? 0} of the ${stated.count} acts in ${name} are shown`)
      }
    }
    this.passed(7, `${needed.length} streams, as of index ${this.claim.asOf}`)
    return stamp
  }

  /** Every dossier that the bundle shows must be whole, and so must the streams of those who spoke there. */
  streamsNeeded() {
    const { claim, registry } = this, needed = new Set([...claim.parties, ...registry.dossiers.keys()])
    if (claim.dossier) needed.add(claim.dossier)
    for (const dossier of registry.dossiers.values()) {
      for (const party of dossier.parties) if (registry.registers.has(party)) needed.add(party)
      for (const paper of dossier.papers.values()) for (const party of paper.consents.keys()) needed.add(party)
    }
    const recorded = registry.outcomes.get(claim.act)
    if (recorded) needed.add(recorded.party)
    return needed
  }

  /** Times are the depositary's word, unless the policy asks for witnesses; then the quorum must have cosigned, within
   * the ledger's bound, a checkpoint that covers the stamp of each act that the claim rests on. */
  checkWitnesses(proven, registries) {
    const { claim, trust: { policy } } = this
    if ((policy?.quorum ?? null) === null) {
      const asks = this.registry.dossiers.get(claim.dossier)?.witnessed
      if (asks || [...this.linksBehind(claim.parties ?? [])].some(link => link.witnessed)) {
        this.lacks(8, 'witness.required',
          'the dossier or a mandate asks for witnesses before a text binds, and the policy names none')
      }
      this.passed(8, 'times are the depositary\'s word; the policy asks for no witnesses')
      return
    }
    for (const [id, registry] of new Map([[claim.ledger.id, null], ...registries])) {
      const claimed = id === claim.ledger.id
      const times = claimed ? momentsOf(this.streamsNeeded(), this.registry) : momentsOf(atHome(registry), registry)
      if (claimed) times.set(claim.asOf, this.time)
      this.checkWitnessed(proven.get(id), policy, times)
    }
    const widest = Math.max(...[...new Set([claim.ledger.id, ...registries.keys()])].map(id => proven.get(id).bound ?? 0))
    this.passed(8, `the policy's quorum, within ${widest} s: the ledgers' own bound`)
  }

  /** Check the log time at each of these indexes of one ledger. */
  checkWitnessed({ bound, checkpoints, ledger }, policy, times) {
    if (times.size && bound === undefined) {
      this.lacks(8, 'witness.no-bound', `the first entry of ${ledger.origin}, with its bound, is not shown`)
    }
    // By checkpoint and time: many acts share a stamp.
    const met = new Map()
    const isMet = (time, checkpoint, number) => {
      const name = `${number} ${time}`
      if (!met.has(name)) met.set(name, quorumMet(policy, checkpoint.cosigners(time - bound, time + bound)))
      return met.get(name)
    }
    for (const [index, time] of [...times].sort(([one], [other]) => compare(one, other))) {
      if (!checkpoints.some((one, number) => one.checkpoint.size > index && isMet(time, one, number))) {
        this.lacks(8, 'witness.quorum', `no quorum saw entry ${index} of ${ledger.origin} within ${bound} s`)
      }
    }
  }

  /** Every link of the mandates under which these parties' holders signed the claim's text. */
  linksBehind(parties) {
    const paper = this.registry.dossiers.get(this.claim.dossier)?.papers.get(this.claim.text)
    const consents = parties.filter(party => paper?.consents.has(party)).map(party => paper.consents.get(party))
    return new Set(consents.flatMap(({ signatures }) => signatures.flatMap(({ mandate }) => mandate.chain)))
  }

  /** Without the text nobody can say that its red lines are kept. */
  checkTexts() {
    const { text, dossier: id } = this.claim, dossier = this.registry.dossiers.get(id)
    if (!text) return this.passed(9, 'the claim rests on no text')
    if (!this.texts.has(text) || dossier?.inDoubt(text)) {
      this.lacks(9, 'text.missing', 'a text that the claim rests on is not in the bundle')
    }
    const hidden = [...this.linksBehind([...(dossier?.papers.get(text)?.consents.keys() ?? [])])].reduce((sum, link) => sum + link.private.length, 0)
    return this.passed(9, `${this.texts.size} texts; ${hidden} private red lines take no part`)
  }

  /** Tells, and decides nothing: whether "in force" is an answer about now. */
  checkAge({ time }) {
    if (this.at === null) return this.passed(11, `as of log time ${time}; the age was not asked for`)
    const ages = [`the stamp is ${this.at - time} s old`]
    for (const party of this.claim.parties) {
      const beacons = this.registry.registers.get(party)?.beacons ?? []
      const newest = Math.max(...beacons.map(({ since }) => since))
      if (beacons.length) ages.push(`the newest beacon ${this.at - newest} s`)
    }
    return this.passed(11, ages.join('; '))
  }

  /** The answer as plain data, with the keys of `pourparler verify --json` that rest on the verification alone. */
  report() {
    const { claim, at, notes, registry, steps, time, trust } = this
    const plain = index => (typeof index === 'bigint' ? String(index) : index)
    const deciding = steps.find(({ verdict }) => verdict !== 'VALID')
    const title = party => registry?.registers.get(party)?.spines.party.name ?? null
    return {
      format: 'pourparler/1 report',
      verdict: deciding?.verdict ?? 'VALID',
      reason: deciding?.reason ?? '',
      step: deciding?.number ?? null,
      detail: deciding?.detail ?? '',
      claim: claim && {
        kind: claim.kind,
        ledger: { origin: claim.ledger.origin, key: hex(claim.ledger.key) },
        as_of: plain(claim.asOf),
        ...Object.fromEntries(CLAIM_FIELDS.get(claim.kind).map(name => [name, worded(claim[name])])),
      },
      parties: (claim?.parties ?? []).map(party => ({
        id: hex(party), title: title(party), trusted: trust.parties.has(party), how: trust.parties.get(party) ?? null,
      })),
      as_of: { index: claim ? plain(claim.asOf) : null, log_time: time },
      at,
      steps: STEPS.map((name, before) =>
        steps[before] ?? { number: before + 1, name, verdict: 'NOT REACHED', detail: '', reason: '' }),
      notes,
    }
  }
}

/** A part of a claim as people read it: ids in hex, powers as words. */
function worded(value) {
  if (isBytes(value)) return hex(value)
  if (isList(value)) return value.map(hex)
  const named = Object.keys(Power).filter(name => value & Power[name])
  return named.map(name => name.toLowerCase().replaceAll('_', '-'))
}

/** Follow a party from the home that its founding act names through its moves, as far as they are shown. */
function homeRegisters({ party, spines }, registries) {
  const found = homesOf(spines.party, home => registries.get(home)?.registers.get(party))
  return [...new Set([...found.values()].reverse())].reverse()
}

/** The parties, and so their streams, whose home the ledger is or was. */
function atHome({ registers }) {
  return [...registers].filter(([, { spines }]) => spines.tenures.size).map(([party]) => party)
}

/** The log time of each act in these streams, by its index. */
function momentsOf(streams, registry) {
  const indexes = new Set([...streams].flatMap(stream => registry.streams.get(stream).indexes))
  const moments = [...registry.outcomes.values()].map(({ moment }) => moment)
  return new Map(moments.filter(({ index }) => indexes.has(index)).map(({ index, time }) => [index, time]))
}

// --- step 10, by the kind of claim ---

function findDossier(claim, registry) {
  return registry.dossiers.get(claim.dossier) ??
    miss('dossier.not-shown', 'the opening of the dossier is not shown, or it is void')
}

/** P is bound by T: it consented beyond ad referendum, and has not withdrawn. */
function bound(claim, registry, moment) {
  const dossier = findDossier(claim, registry), [party] = claim.parties, paper = dossier.papers.get(claim.text)
  if (!paper) refuse('claim.not-bound', 'the text was not proposed in this dossier')
  const state = dossier.consentState(paper, party, moment)
  if (!dossier.bound(claim.text, party, moment)) refuse('claim.not-bound', `the party's consent is ${state}`)
  const since = dossier.boundSince(paper.consents.get(party))
  return `${state} at index ${since.index}, log time ${since.time}`
}

/** T is in force between P and Q: computed from the consents, the text's rule and the log time. */
function inForce(claim, registry, moment) {
  const dossier = findDossier(claim, registry), [first, second] = claim.parties, paper = dossier.papers.get(claim.text)
  const clauses = dossier.clauses(claim.text)
  if (paper && (clauses.scopes.size || clauses.framework || dossier.parent)) {
    const others = registry.elsewhere.get(second) ?? new Set()
    if ([...(registry.elsewhere.get(first) ?? [])].some(text => others.has(text))) {
      miss('dossier.not-shown', 'the parties consented to another text, which may be a wider one')
    }
  }
  const { state, since, until, reason } = dossier.effect(claim.text, first, second, moment)
  if (state !== 'in force' && state !== 'notice running') {
    refuse('claim.not-in-force', reason ? `${state}: ${reason}` : state)
  }
  const reserved = [...paper.consents.values()].map(({ reserves }) => reserves.length).filter(Boolean)
  const parts = [`${state} since log time ${since}`, ...(until === undefined ? [] : [`until ${until}`])]
  return [...parts, ...reserved.map(count => `${count} reservations`)].join(', ')
}

/** Holder K may do X: the chain gives the power and stands at the stamp's moment. */
function may(claim, registry, moment) {
  const [party] = claim.parties, { power, holder, ledger } = claim
  const register = registry.register(party), mandate = register.mandate(claim.mandate)
  const now = { index: add(moment.index, 1), time: moment.time }
  if (!register.speakers(mandate, now).seats.has(holder)) refuse('claim.not-holder', 'the mandate is another\'s')
  if ((register.spines.roles.get(holder) ?? 'holder') !== 'holder') refuse('standing.key-role')
  if (power & ~mandate.conferred) refuse('power.missing', 'the chain does not give this power')
  if (!(register.home ? register.home.present === ledger.id : register.spines.home)) {
    miss('home.not-shown', 'what a holder may do shows in a home ledger of the party, and this is another')
  }
  register.checkStanding(mandate, power, now)
  const { size } = register.speakers(mandate, now).seats
  const jointly = size === 1 ? '' : `, together with others of ${size} keys`
  const beside = mandate.chain.some(({ cosigning }) => cosigning && cosigning.powers & power) ? ', countersigned' : ''
  const fresh = power & LEASED ? ' (a leased power: valid only as long as beacons come)' : ''
  return `the chain of ${mandate.chain.length} links stands${jointly}${beside}${fresh}`
}

/** Act A was recorded: an entry with this id stands in the ledger, and the fold admits it. */
function recorded(claim, registry) {
  const outcome = registry.outcomes.get(claim.act) ??
    miss('claim.not-shown', 'no admitted entry of the bundle has this id')
  const { moment } = outcome, reason = outcome.void ? `, void: ${outcome.void.reason}` : ''
  return `at index ${moment.index}, log time ${moment.time}${reason}`
}

const CLAIMS = { bound, 'in-force': inForce, may, recorded }

/** Verify a bundle offline; the product. `trust` is {parties: Map or object of party id to how it was learnt, policy},
 * `at` the verifier's own clock in seconds or null, which only says how old this is. */
export async function verify(bundle, trust, at = null) {
  return (await examine(bundle, trust, at)).report()
}

/** As `verify`, for whoever shows what was verified: its `report()`, and the fold behind it in `registry`. */
export async function examine(bundle, trust, at = null) {
  const listed = trust.parties instanceof Map ? [...trust.parties] : Object.entries(trust.parties)
  const parties = new Map(listed.map(([party, how]) => [isText(party) ? unhex(party) : party, how]))
  const policy = trust.policy ?? null
  return settled(() => new Verification({ parties, policy }, at).run(bundle))
}
