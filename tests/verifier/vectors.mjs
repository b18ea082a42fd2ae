// Runs the vectors through the verifier's modules: `node vectors.mjs <modules> <vectors> <group>…` prints, for each
// case, one line of JSON with what came of it, in the notation of the vectors; tests/test_verifier_js.py compares. The
// groups of the law and of evidence are run by law.mjs.

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
const ledger = await load('ledger')
const { hex, unhex } = encoding

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
      form: envelope.form, payload: hex(envelope.payload), signatures,
      act_id: hex(encoding.actId(envelope, given.kind)), again: encoding.equal(envelope.encoded(), joined(given.input)),
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

  cosignature(given) {
    const witnesses = given.witnesses.map(ledger.parseVkey)
    const opened = ledger.openCheckpoint(joined(given.input), given.origin, ledger.parseVkey(given.key), witnesses)
    const cosigners = opened.cosignatures.map(one => [one.key.name, one.time])
    return { cosigners, aside: opened.skipped.map(key => key.name) }
  },

  'ledger-multiproof'(given) {
    const leaves = new Map(Object.entries(given.leaves).map(([index, hash]) => [Number(index), unhex(hash)]))
    return { root: hex(ledger.verifyMultiproof(given.size, leaves, given.hashes.map(unhex))) }
  },
}

async function outcome(group, given) {
  try {
    return await signing.settled(() => RUNNERS[group](given))
  } catch (error) {
    if (error instanceof PourparlerError) return { reason: error.reason }
    return { broken: String(error.stack) }
  }
}

for (const group of groups) {
  const { cases } = JSON.parse(readFileSync(`${vectors}/${group}.json`, 'utf8'))
  for (const given of cases) {
    const found = await outcome(group, given)
    console.log(JSON.stringify({ id: given.id ?? given.name, ...found }))
  }
}
