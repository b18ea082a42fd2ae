// Runs the vectors through the verifier's modules: `node vectors.mjs <modules> <vectors> <group>…` prints, for each case,
// one line of JSON with what came of it, in the notation of the vectors. Who compares is tests/test_verifier_js.py.

import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const [modules, vectors, ...groups] = process.argv.slice(2)
const load = name => import(pathToFileURL(`${modules}/${name}.js`))

const encoding = await load('encoding')
const signing = await load('signing')
const { PourparlerError } = await load('errors')
const act = await load('act')
const passkeys = await load('passkey')
const clauses = await load('clauses')
const redline = await load('redline')
const { hex, unhex } = encoding

// The cases of the group that runs, by id; the rooms of the law, where a group needs them.
let worlds = new Map()
let rooms = null

const joined = input => {
  if (typeof input === 'string') return unhex(input)
  return encoding.concat(...input.map(([bytes, count]) => unhex(bytes.repeat(count))))
}

// A value of the notation of spec/README.md section 4, and back.
function meant(value) {
  if (Array.isArray(value)) return value.map(meant)
  if (value === null || typeof value !== 'object') return value
  const names = Object.keys(value)
  if (names.length === 1 && names[0] === '$bytes') return unhex(value.$bytes)
  if (names.length === 1 && names[0] === '$int') return encoding.canonical(BigInt(value.$int))
  return new Map(Object.entries(value).map(([name, member]) => [name, meant(member)]))
}

function written(value) {
  if (encoding.isBytes(value)) return { $bytes: hex(value) }
  if (typeof value === 'bigint') return { $int: String(value) }
  if (encoding.isList(value)) return value.map(written)
  if (encoding.isMap(value)) return Object.fromEntries([...value].map(([name, member]) => [name, written(member)]))
  return value
}

const RUNNERS = {
  encoding(given) {
    const value = encoding.decode(joined(given.input))
    return { value: written(value), again: encoding.equal(encoding.encode(value), joined(given.input)) }
  },

  envelope(given) {
    const envelope = encoding.parseEnvelope(joined(given.input))
    const signatures = envelope.signatures.map(one => ({
      algorithm: one.algorithm, kid: hex(one.kid), value: hex(one.value),
      sig_structure: hex(encoding.toBeSigned(envelope, one, given.kind)),
    }))
    if (given.verify) {
      const signature = envelope.signatures[given.verify.index]
      const message = encoding.toBeSigned(envelope, signature, given.kind)
      signing.verifyEd25519(unhex(given.verify.key), message, signature.value)
    }
    return {
      form: envelope.form, payload: hex(envelope.payload), act_id: hex(encoding.actId(envelope, given.kind)), signatures,
      again: encoding.equal(envelope.encoded(), joined(given.input)),
    }
  },

  act(given) {
    const one = act.parseAct(joined(given.input))
    const keys = given.signers?.map(unhex) ?? []
    keys.forEach((key, at) => {
      const signature = one.envelope.signatures[at]
      signing.verifyEd25519(key, encoding.toBeSigned(one.envelope, signature, one.kind), signature.value)
    })
    return {
      kind: one.kind, act_id: hex(one.id), form: one.envelope.form, payload: written(one.payload),
      kids: keys.every((key, at) => one.envelope.signatures[at].kid === encoding.kidOf(key)),
    }
  },

  passkey(given) {
    const { algorithm, key, relying_party, origin } = given.passkey
    const passkey = new passkeys.Passkey(algorithm, unhex(key), relying_party, origin)
    passkeys.verifyAssertion(passkey, unhex(given.act_id), joined(given.input))
    return {}
  },

  redline(given) {
    if (given.lines) return { read: redline.parseLines(meant(given.lines)).length }
    const line = redline.parseLine(meant(given.line))
    if (given.salt) return { commitment: hex(redline.commitment(meant(given.line), unhex(given.salt))) }
    return { answer: redline.evaluate(line, meant(given.terms)) }
  },

  text(given) {
    const text = redline.parseText(joined(given.input))
    return { digest: hex(text.digest), checks: text.checks.map(check => redline.holds(check, text.terms)) }
  },

  clauses(given) {
    if (given.clauses !== undefined) return { read: typeof clauses.parseClauses(meant(given.clauses)) }
    return { time: clauses.dateOfEffect(given.met, meant(given.steps)) }
  },

  'ledger-multiproof'(given) {
    const leaves = new Map(Object.entries(given.leaves).map(([index, hash]) => [Number(index), unhex(hash)]))
    return { root: hex(rooms.verifyMultiproof(given.size, leaves, given.hashes.map(unhex))) }
  },

  council: given => fold(given),
  authority: given => fold(given),
  dossier: given => fold(given),

  evidence(given) {
    const policy = given.policy === undefined ? null : rooms.parsePolicy(encoding.utf8(given.policy))
    const parties = new Map(given.trust.map(party => [unhex(party), 'handed over']))
    return rooms.verify(unhex(given.bundle), { parties, policy }, given.at ?? null)
  },
}

// --- the law: small worlds

const chain = given => [...given.after === undefined ? [] : chain(worlds.get(given.after)), given]

function registryOf(given) {
  const shown = chain(given)
  const data = shown.flatMap(world => world.texts ?? []).map(unhex)
  const texts = new Map(data.map(text => [redline.textDigest(text), redline.parseText(text)]))
  const [first] = shown
  let home = () => undefined
  if (first.home !== undefined) {
    const there = fold(worlds.get(first.home)).registry
    home = party => there.registers.has(party) ? new rooms.HomeView([there.registers.get(party)]) : undefined
  }
  const ledger = new rooms.Depositary(first.ledger.origin, unhex(first.ledger.key))
  return new rooms.Registry(ledger, digest => texts.get(digest), home, { exact: true })
}

function comeOf(registry, row, intake = false) {
  try {
    const moment = new rooms.Moment(row.index, row.time)
    const outcome = registry.admit(act.parseAct(unhex(row.act)), moment, { intake })
    return outcome.void ? { void: outcome.void.reason } : 'accepted'
  } catch (error) {
    if (error instanceof PourparlerError) return { refused: error.reason }
    throw error
  }
}

// Returns what comes of each act and question; `intake`: the last act as an honest intake judges it.
function fold(given) {
  const registry = registryOf(given)
  const rows = chain(given).flatMap(world => world.acts)
  const asks = [...given.asks ?? []]
  const answers = []
  const found = rows.map(row => {
    while (asks.length && asks[0].index < row.index) answers.push(answered(registry, asks.shift()))
    return comeOf(registry, row)
  })
  answers.push(...asks.map(ask => answered(registry, ask)))
  const result = { acts: found.slice(-given.acts.length), answers }
  Object.defineProperty(result, 'registry', { value: registry })
  if (given.intake !== undefined) {
    const again = registryOf(given)
    rows.slice(0, -1).forEach(row => comeOf(again, row))
    result.intake = comeOf(again, rows.at(-1), true)
  }
  return result
}

function answered(registry, ask) {
  const moment = new rooms.Moment(ask.index, ask.time)
  const dossier = registry.dossiers.get(unhex(ask.dossier))
  const paper = ask.text && dossier.papers.get(unhex(ask.text))
  switch (ask.ask) {
    case 'dossier': return dossier.state(moment)
    case 'text': return dossier.textState(paper, moment)
    case 'consent': return dossier.consentState(paper, unhex(ask.party), moment)
    case 'objected': return dossier.objected(paper, ...ask.parties.map(unhex), moment)
    case 'effect': {
      const effect = dossier.effect(unhex(ask.text), ...ask.parties.map(unhex), moment)
      return [effect.state, effect.since ?? null, effect.until ?? null]
    }
    default: throw new Error(ask.ask)
  }
}

// Verifying settles its signatures itself; every other runner is synchronous, and is settled here.
async function outcome(group, given) {
  try {
    return await (group === 'evidence' ? RUNNERS.evidence(given) : signing.settled(() => RUNNERS[group](given)))
  } catch (error) {
    if (error instanceof PourparlerError) return { reason: error.reason }
    return { broken: String(error.stack) }
  }
}

const ROOMS = {
  'ledger-multiproof': ['ledger'], council: ['council', 'authority', 'registry'],
  authority: ['council', 'authority', 'registry'], dossier: ['council', 'authority', 'registry'],
  evidence: ['ledger', 'evidence'],
}

for (const group of groups) {
  rooms = Object.assign({}, ...await Promise.all((ROOMS[group] ?? []).map(load)))
  const { cases } = JSON.parse(readFileSync(`${vectors}/${group}.json`, 'utf8'))
  worlds = new Map(cases.map(given => [given.id, given]))
  for (const given of cases) {
    const found = await outcome(group, given)
    console.log(JSON.stringify({ id: given.id ?? given.name, ...found }))
  }
}
