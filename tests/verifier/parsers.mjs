// Runs the verifier's parsers: `node parsers.mjs <modules>` reads lines of JSON, {"target": NAME, "data": HEX}, and
// answers each with {"reason": …} or with what was read, named by a digest or told in brief. tests/test_verifier_js.py
// compares.

import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const load = name => import(pathToFileURL(`${process.argv[2]}/${name}.js`))
const { decode, encode, fromUtf8, hex, intern, isList, isMap, parseEnvelope, sha256, unhex } = await load('encoding')
const { settled } = await load('signing')
const { Malformed, PourparlerError } = await load('errors')
const { parseAct } = await load('act')
const { Passkey, verifyAssertion } = await load('passkey')
const { parseClauses } = await load('clauses')
const { holds, parseLines, parseText } = await load('redline')
const { openNote, parseCheckpoint, parsePolicy, parseVkey, quorumMet } = await load('ledger')

const name = bytes => hex(sha256(bytes))
let asked

const TARGETS = {
  cbor: data => name(encode(decode(data))),
  envelope: data => name(parseEnvelope(data).encoded()),
  act: data => hex(parseAct(data).id),
  text: data => {
    const text = parseText(data)
    return [hex(text.digest), text.checks.map(check => holds(check, text.terms)), text.stated instanceof Malformed]
  },
  clauses: data => {
    const value = decode(data)
    if (!isMap(value)) throw new Malformed('text.clause')
    return Boolean(parseClauses(value))
  },
  line: data => {
    const value = decode(data)
    return parseLines(isList(value) ? value : [value]).length
  },
  assertion: data => {
    const { algorithm, key, relying_party, origin } = asked.passkey
    return verifyAssertion(new Passkey(algorithm, unhex(key), relying_party, origin), unhex(asked.act_id), data) ?? true
  },
  note: data => {
    const note = openNote(data, asked.keys.map(parseVkey))
    return [note.text, note.signers.length, note.cosignatures.map(one => String(one.time))]
  },
  checkpoint: data => {
    const { origin, size, root } = parseCheckpoint(fromUtf8(data))
    return [origin, String(size), hex(root)]
  },
  vkey: data => hex(parseVkey(fromUtf8(data)).keyId),
  policy: data => {
    const policy = parsePolicy(data)
    const keys = policy.witnesses.slice(0, 6).map(one => one.key.publicKey)
    const sets = Array.from({ length: 2 ** keys.length }, (_, set) => new Set(keys.filter((_, at) => set >> at & 1)))
    return [policy.logs.length, policy.witnesses.length, sets.map(set => quorumMet(policy, set))]
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  asked = JSON.parse(line)
  const data = intern(new Uint8Array(Buffer.from(asked.data, 'hex')))
  let answer
  try {
    answer = { read: await settled(() => TARGETS[asked.target](data)) }
  } catch (error) {
    answer = error instanceof PourparlerError ? { reason: error.reason } : { broken: String(error.stack) }
  }
  console.log(JSON.stringify(answer))
}
