// Mirrors core/encoding.py and core/limits.py: deterministic CBOR, envelopes, identifiers (spec/encoding.md).
//
// Where JavaScript has no value that behaves like Python's:
// - Byte strings of at most 65 bytes are interned: one content is one object, so that ids and keys compare with ===
//   and serve as keys of a Map. Whoever cuts such a piece out himself calls intern().
// - An integer is a Number up to 2^53 - 1 and a BigInt beyond, never both: === compares, and so do < and >.
// - A map of the profile is a Map.

import { Malformed } from './errors.js'

export const limits = Object.freeze({
  ENVELOPE_MAX_BYTES: 32 * 1024, TEXT_MAX_BYTES: 1024 * 1024, EVIDENCE_MAX_BYTES: 256 * 1024 * 1024,
  EVIDENCE_ITEMS_MAX: 2_000_000, CBOR_DEPTH_MAX: 24, CBOR_ITEMS_MAX: 20_000, INTEGER_MAX: 2n ** 63n - 1n,
  TIME_MIN: -62_135_596_800, TIME_MAX: 253_402_300_799, MAP_KEY_MAX_BYTES: 64, SHORT_TEXT_MAX_BYTES: 256,
  LONG_TEXT_MAX_BYTES: 8 * 1024, ENVELOPE_SIGNATURES_MAX: 128, NOTE_MAX_BYTES: 256 * 1024, NOTE_SIGNATURES_MAX: 64,
  TREE_SIZE_MAX: 2n ** 63n - 1n, MULTIPROOF_HASHES_MAX: 65_536, LEDGER_ENTRY_MAX_BYTES: 65_535,
  TLOG_POLICY_MAX_BYTES: 256 * 1024, TLOG_POLICY_KEYS_MAX: 256, PASSKEY_SIGNATURE_MAX_BYTES: 2_048, SEATS_MAX: 64,
  ORGANS_MAX: 32, IDENTIFIERS_MAX: 256, CHAIN_LINKS_MAX: 16, LINES_MAX: 64, LINE_DEPTH_MAX: 8, LINE_STEPS_MAX: 4_096,
  DECIMAL_DIGITS_MAX: 38, STREAMS_MAX: 400, COURSES_MAX: 16, ARTICLES_MAX: 1_024, CHECKS_MAX: 64,
  DURATION_MAX_SECONDS: 100 * 366 * 86_400,
})

export const ALGORITHM_ED25519 = -19
export const ALGORITHM_PASSKEY_ES256 = -70001
export const ALGORITHM_PASSKEY_ED25519 = -70002
export const DIGEST_BYTES = 32
const KID_BYTES = 8
const SIGNATURE_BYTES = 64
const INTERNED_MAX_BYTES = 65

// --- values

const interned = new Map()

export function intern(bytes) {
  if (bytes.length > INTERNED_MAX_BYTES) return bytes
  const content = String.fromCharCode.apply(null, bytes)
  if (!interned.has(content)) interned.set(content, bytes.slice())
  return interned.get(content)
}

export const EMPTY = intern(new Uint8Array(0))

export const isInt = value => typeof value === 'number' || typeof value === 'bigint'
export const isText = value => typeof value === 'string'
export const isBytes = value => value instanceof Uint8Array
export const isList = value => Array.isArray(value)
export const isMap = value => value instanceof Map

export function canonical(integer) {
  const small = Number(integer)
  return Number.isSafeInteger(small) ? small : BigInt(integer)
}

export const add = (left, right) => canonical(BigInt(left) + BigInt(right))
export const mul = (left, right) => canonical(BigInt(left) * BigInt(right))

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export function hex(bytes) {
  let text = ''
  for (const byte of bytes) text += HEX[byte]
  return text
}

export const unhex = text => intern(Uint8Array.from(text.match(/../g) ?? [], pair => parseInt(pair, 16)))

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
export const utf8 = text => encoder.encode(text)

// Returns null for what is no UTF-8. A byte order mark is kept, as a character like any other.
export function fromUtf8(bytes) {
  try {
    return decoder.decode(bytes)
  } catch {
    return null
  }
}

export function concat(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

export function equal(a, b) {
  if (a === b) return true
  if (isBytes(a) && isBytes(b)) return a.length === b.length && a.every((byte, at) => byte === b[at])
  if (isList(a) && isList(b)) return a.length === b.length && a.every((value, at) => equal(value, b[at]))
  if (!isMap(a) || !isMap(b) || a.size !== b.size) return false
  return [...a].every(([key, value]) => b.has(key) && equal(value, b.get(key)))
}

// Python's order: bytes by byte, text by code point (which is the order of its UTF-8), lists by their members.
export function compare(a, b) {
  if (isText(a)) return compare(utf8(a), utf8(b))
  if (isInt(a)) return a < b ? -1 : a > b ? 1 : 0
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const order = compare(a[at], b[at])
    if (order) return order
  }
  return a.length - b.length
}

// --- SHA-2, synchronous, which WebCrypto's is not. Its constants are the first bits of the fractions of roots of
// primes; those of SHA-256 are the upper halves of those of SHA-512 (FIPS 180-4 sections 4.2 and 5.3).

function fraction(prime, root) {
  const scaled = BigInt(prime) << BigInt(64 * root)
  let low = 0n
  for (let bit = 1n << 68n; bit; bit >>= 1n) if ((low + bit) ** BigInt(root) <= scaled) low += bit
  return BigInt.asUintN(64, low)
}

const PRIMES = Array.from({ length: 410 }, (_, n) => n).filter(
  n => n > 1 && !Array.from({ length: n - 2 }, (_, d) => d + 2).some(d => n % d === 0))
const ROUNDS = PRIMES.slice(0, 80).map(prime => fraction(prime, 3))
const START = PRIMES.slice(0, 8).map(prime => fraction(prime, 2))
const ROUNDS_256 = Int32Array.from(ROUNDS.slice(0, 64), constant => Number(constant >> 32n))
const START_256 = Int32Array.from(START, constant => Number(constant >> 32n))

function padded(data, block) {
  const all = new Uint8Array(Math.ceil((data.length + 1 + block / 8) / block) * block)
  all.set(data)
  all[data.length] = 0x80
  const view = new DataView(all.buffer)
  view.setBigUint64(all.length - 8, BigInt(data.length) * 8n)
  return view
}

export function sha256(data) {
  const view = padded(data, 64)
  const state = START_256.slice()
  const w = new Int32Array(64)
  for (let offset = 0; offset < view.byteLength; offset += 64) {
    for (let t = 0; t < 64; t++) {
      if (t < 16) {
        w[t] = view.getInt32(offset + 4 * t)
      } else {
        const x = w[t - 15]
        const y = w[t - 2]
        w[t] = w[t - 16] + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + w[t - 7] +
          ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10) | 0
      }
    }
    let [a, b, c, d, e, f, g, h] = state
    for (let t = 0; t < 64; t++) {
      const one = h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (e & f ^ ~e & g) +
        ROUNDS_256[t] + w[t] | 0
      const two = ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ a & c ^ b & c) | 0
      h = g
      g = f
      f = e
      e = d + one | 0
      d = c
      c = b
      b = a
      a = one + two | 0
    }
    const sums = [a, b, c, d, e, f, g, h]
    for (let n = 0; n < 8; n++) state[n] += sums[n]
  }
  const out = new DataView(new ArrayBuffer(32))
  state.forEach((word, n) => out.setInt32(4 * n, word))
  return intern(new Uint8Array(out.buffer))
}

// Only for Ed25519 where WebCrypto has none: slow, and as short as it can be.
export function sha512(data) {
  const view = padded(data, 128)
  const wrap = value => BigInt.asUintN(64, value)
  const turn = (x, n) => x >> n | wrap(x << 64n - n)
  let state = START
  for (let offset = 0; offset < view.byteLength; offset += 128) {
    const w = Array.from({ length: 16 }, (_, t) => view.getBigUint64(offset + 8 * t))
    for (let t = 16; t < 80; t++) {
      const x = w[t - 15]
      const y = w[t - 2]
      w[t] = wrap(w[t - 16] + (turn(x, 1n) ^ turn(x, 8n) ^ x >> 7n) + w[t - 7] +
        (turn(y, 19n) ^ turn(y, 61n) ^ y >> 6n))
    }
    let [a, b, c, d, e, f, g, h] = state
    for (let t = 0; t < 80; t++) {
      const one = h + (turn(e, 14n) ^ turn(e, 18n) ^ turn(e, 41n)) + (e & f ^ wrap(~e) & g) + ROUNDS[t] + w[t]
      const two = (turn(a, 28n) ^ turn(a, 34n) ^ turn(a, 39n)) + (a & b ^ a & c ^ b & c)
      ;[a, b, c, d, e, f, g, h] = [wrap(one + two), a, b, c, wrap(d + one), e, f, g]
    }
    state = [a, b, c, d, e, f, g, h].map((word, n) => wrap(word + state[n]))
  }
  const out = new DataView(new ArrayBuffer(64))
  state.forEach((word, n) => out.setBigUint64(8 * n, word))
  return new Uint8Array(out.buffer)
}

// --- deterministic CBOR

export function head(major, argument) {
  const most = [24, 2 ** 8, 2 ** 16, 2 ** 32].findIndex(bound => argument < bound)
  if (most === 0) return Uint8Array.of(major << 5 | Number(argument))
  const size = most < 0 ? 8 : 1 << most - 1
  const out = new Uint8Array(1 + size)
  out[0] = major << 5 | 24 + Math.log2(size)
  for (let rest = BigInt(argument), at = size; at; at--, rest >>= 8n) out[at] = Number(rest & 255n)
  return out
}

export const byteString = data => concat(head(2, data.length), data)
const textString = text => concat(head(3, utf8(text).length), utf8(text))

// The one encoding of a value of the profile. What is encoded here was decoded before, so nothing is checked again.
export function encode(value) {
  if (value === null) return Uint8Array.of(0xf6)
  if (typeof value === 'boolean') return Uint8Array.of(value ? 0xf5 : 0xf4)
  if (isInt(value)) return value >= 0 ? head(0, value) : head(1, -1n - BigInt(value))
  if (isBytes(value)) return byteString(value)
  if (isText(value)) return textString(value)
  if (isList(value)) return concat(head(4, value.length), ...value.map(encode))
  const members = [...value].map(([key, member]) => [textString(key), encode(member)])
  members.sort((a, b) => compare(a[0], b[0]))
  return concat(head(5, value.size), ...members.flat())
}

const MARKS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/

// How deep is read at all, lest the machine's own stack end: core's decoder stops near there, too.
const READ_DEPTH_MAX = 900

// Reads one item from left to right. What makes the bytes unreadable is thrown at once; what is readable and not
// allowed is noted, because core reads everything before it looks at values, and a reason should be the same.
class Reader {
  constructor(data, mostItems) {
    this.data = data
    this.view = new DataView(data.buffer, data.byteOffset, data.byteLength)
    this.position = 0
    this.mostItems = this.itemsLeft = mostItems
    this.fault = ''
    this.shortest = true
  }

  broken(detail) {
    return new Malformed('cbor.malformed', `${detail} at byte ${this.position}`)
  }

  argument(code) {
    if (code < 24) return code
    const size = 1 << code - 24
    if (code > 27 || this.position + size > this.data.length) throw this.broken('a head that does not end')
    const at = this.position
    this.position += size
    let value
    if (size === 1) value = this.data[at]
    else if (size === 2) value = this.view.getUint16(at)
    else if (size === 4) value = this.view.getUint32(at)
    else value = canonical(this.view.getBigUint64(at))
    if (value < [24, 2 ** 8, 2 ** 16, 2 ** 32][code - 24]) this.shortest = false
    return value
  }

  take(length) {
    if (length > this.data.length - this.position) throw this.broken('a string that does not end')
    this.position += length
    return this.data.subarray(this.position - length, this.position)
  }

  text(length) {
    const text = fromUtf8(this.take(length))
    if (text === null) throw this.broken('text that is no UTF-8')
    if (/[^\0-\x7f]/.test(text) && (text.normalize('NFC') !== text || MARKS.test(text))) this.fault ||= 'cbor.text'
    return text
  }

  value(depth) {
    if (depth > limits.CBOR_DEPTH_MAX) this.fault ||= 'cbor.too-deep'
    if (depth > READ_DEPTH_MAX) throw new Malformed('cbor.too-deep', `at most ${limits.CBOR_DEPTH_MAX}`)
    if (--this.itemsLeft < 0) throw new Malformed('cbor.too-many-items', `at most ${this.mostItems}`)
    if (this.position >= this.data.length) throw this.broken('nothing')
    const first = this.data[this.position++]
    if (first === 0xf6) return null
    if (first === 0xf4 || first === 0xf5) return first === 0xf5
    const major = first >> 5
    if (major > 5) throw this.broken('an item that the profile does not have')
    const argument = this.argument(first & 31)
    if (major < 2) {
      if (argument > limits.INTEGER_MAX) this.fault ||= 'cbor.integer-range'
      return major ? canonical(-1n - BigInt(argument)) : argument
    }
    if (major === 2) return intern(this.take(argument))
    if (major === 3) return this.text(argument)
    return major === 4 ? this.list(argument, depth + 1) : this.map(argument, depth + 1)
  }

  list(length, depth) {
    const list = []
    for (let n = 0; n < length; n++) list.push(this.value(depth))
    return list
  }

  map(length, depth) {
    const map = new Map()
    let before = null
    for (let n = 0; n < length; n++) {
      const first = this.data[this.position++]
      if (first >> 5 !== 3) throw this.broken('a key that is no text')
      const size = this.argument(first & 31)
      const at = this.position
      const key = this.text(size)
      const bytes = this.data.subarray(at, at + size)
      if (before && !(before.length < size || before.length === size && compare(before, bytes) < 0)) {
        throw this.broken('a key out of order')
      }
      if (size < 1 || size > limits.MAP_KEY_MAX_BYTES) this.fault ||= 'cbor.key'
      before = bytes
      map.set(key, this.value(depth))
    }
    return map
  }
}

export function decode(data, mostBytes = limits.TEXT_MAX_BYTES, mostItems = limits.CBOR_ITEMS_MAX) {
  if (data.length > mostBytes) throw new Malformed('cbor.too-large', `${data.length} bytes; at most ${mostBytes}`)
  const reader = new Reader(data, mostItems)
  const value = reader.value(0)
  if (reader.position !== data.length) throw reader.broken('bytes after the item')
  if (reader.fault) throw new Malformed(reader.fault, 'a value is not of the profile')
  if (!reader.shortest) throw new Malformed('cbor.not-deterministic', 'a head is longer than it need be')
  return value
}

// --- digests and labels

export const label = kind => `pourparler/1 ${kind}`

export function digest(kind, ...parts) {
  return sha256(concat(head(4, parts.length + 1), textString(label(kind)), ...parts.map(encode)))
}

// --- envelopes

export const Form = Object.freeze({ SIGN1: 'COSE_Sign1', SIGN: 'COSE_Sign' })

// The encoded protected header {1: algorithm, 4: kid} up to its kid.
const PROTECTED = new Map([ALGORITHM_ED25519, ALGORITHM_PASSKEY_ES256, ALGORITHM_PASSKEY_ED25519].map(algorithm =>
  [algorithm, intern(concat([0xa2, 1], head(1, -1 - algorithm), [4], head(2, KID_BYTES)))]))
const BY_PROTECTED = new Map([...PROTECTED].map(([algorithm, header]) => [header, algorithm]))

export class Signature {
  constructor(algorithm, kid, value) {
    Object.assign(this, { algorithm, kid, value })
  }

  get protected() {
    return intern(concat(PROTECTED.get(this.algorithm), this.kid))
  }
}

export class Envelope {
  constructor(form, payload, signatures) {
    Object.assign(this, { form, payload, signatures })
  }

  get bodyProtected() {
    return this.form === Form.SIGN1 ? this.signatures[0].protected : EMPTY
  }

  withSignatures(signatures) {
    return new Envelope(this.form, this.payload, signatures)
  }

  encoded() {
    const payload = byteString(this.payload)
    const rows = this.signatures.map(one => [byteString(one.protected), [0xa0], byteString(one.value)])
    if (this.form === Form.SIGN1) return concat([0xd2, 0x84], rows[0][0], [0xa0], payload, rows[0][2])
    const signed = rows.flatMap(row => [[0x83], ...row])
    return concat([0xd8, 0x62, 0x84, 0x40, 0xa0], payload, head(4, rows.length), ...signed)
  }
}

export function toBeSigned(envelope, signature, kind) {
  const opening = envelope.form === Form.SIGN1
    ? [head(4, 4), textString('Signature1')]
    : [head(4, 5), textString('Signature'), byteString(EMPTY)]
  const covered = [signature.protected, utf8(label(kind)), envelope.payload]
  return concat(...opening, ...covered.map(byteString))
}

export const actId = (envelope, kind) => digest(kind, envelope.bodyProtected, envelope.payload)
export const kidOf = key => intern(digest('key', key).subarray(0, KID_BYTES))

class Cursor {
  constructor(data) {
    this.data = data
    this.position = 0
  }

  wrong(what) {
    return new Malformed('envelope.layout', `${what} expected at byte ${this.position}`)
  }

  expect(literal, what) {
    if (literal.some((byte, at) => this.data[this.position + at] !== byte)) throw this.wrong(what)
    this.position += literal.length
  }

  argument(major, what) {
    const first = this.data[this.position] ?? 0xff
    const code = first & 31
    if (first >> 5 !== major || code > 26) throw this.wrong(what)
    let argument = code
    if (code > 23) {
      argument = 0
      for (let at = 1; at <= 1 << code - 24; at++) argument = argument * 256 + (this.data[this.position + at] ?? 0)
    }
    this.expect(head(major, argument), what)
    return argument
  }

  byteString(what) {
    const length = this.argument(2, what)
    if (length > this.data.length - this.position) throw this.wrong(`the rest of ${what}`)
    this.position += length
    return intern(this.data.subarray(this.position - length, this.position))
  }

  // A protected header, an empty unprotected one, and what `between` reads, then a signature.
  signature(between = () => {}) {
    const header = this.byteString('a protected header')
    const algorithm = BY_PROTECTED.get(intern(header.subarray(0, Math.max(0, header.length - KID_BYTES))))
    if (algorithm === undefined) throw new Malformed('envelope.header', 'a known algorithm and a kid of 8 bytes')
    this.expect([0xa0], 'an empty unprotected header')
    between()
    const value = this.byteString('a signature')
    if (algorithm === ALGORITHM_ED25519 ? value.length !== SIGNATURE_BYTES :
      value.length > limits.PASSKEY_SIGNATURE_MAX_BYTES) {
      throw new Malformed('envelope.signature-length', `${value.length} bytes`)
    }
    return new Signature(algorithm, intern(header.subarray(-KID_BYTES)), value)
  }
}

export function parseEnvelope(data) {
  if (data.length > limits.ENVELOPE_MAX_BYTES) throw new Malformed('envelope.too-large', `${data.length} bytes`)
  const cursor = new Cursor(data)
  const signatures = []
  const form = data[0] === 0xd2 ? Form.SIGN1 : Form.SIGN
  let payload
  if (form === Form.SIGN1) {
    cursor.expect([0xd2, 0x84], 'COSE_Sign1 of four elements')
    signatures.push(cursor.signature(() => { payload = cursor.byteString('a payload') }))
  } else {
    cursor.expect([0xd8, 0x62, 0x84, 0x40, 0xa0], 'COSE_Sign1, or COSE_Sign with empty headers,')
    payload = cursor.byteString('a payload')
    const count = cursor.argument(4, 'a list of signatures')
    if (count < 1 || count > limits.ENVELOPE_SIGNATURES_MAX) {
      throw new Malformed('envelope.signature-count', `1 to ${limits.ENVELOPE_SIGNATURES_MAX} signatures`)
    }
    for (let n = 0; n < count; n++) {
      cursor.expect([0x83], 'a signature of three elements')
      signatures.push(cursor.signature())
    }
  }
  if (cursor.position !== data.length) throw new Malformed('envelope.trailing', 'bytes after the envelope')
  if (!payload.length) throw new Malformed('envelope.payload', 'the payload is empty')
  return new Envelope(form, payload, signatures)
}
