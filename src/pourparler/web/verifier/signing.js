// Signatures, which WebCrypto verifies asynchronously while the fold is synchronous: the fold asks here, is answered
// from a table, and where the table has no answer goes on as if the signature were good. Then all that was asked is
// verified at once; if anything was bad, the fold runs again with the answers. The last run assumed nothing that is
// not so.
//
// Core asks libsodium. WebCrypto's Ed25519 is laxer, so what libsodium refuses is refused here first: an S that is not
// reduced, a key or R that is no canonical encoding, or of small order. Where a browser has no Ed25519, or one that
// verifies with the cofactor (spec/encoding.md section 4: without), the arithmetic below does it, slowly.

import { concat, equal, hex, sha256, sha512, unhex } from './encoding.js'
import { Missing, Refused } from './errors.js'

const ED25519 = 'Ed25519'
const ES256 = 'ES256'
const ML_DSA_44 = 'ML-DSA-44'
// From this run on nothing is assumed that can be computed at once, lest a bundle made of bad signatures be folded
// once for each of them.
const RUNS_MAX = 8

// The table and the questions of the run that is going on; outside of one nobody may ask, for nobody would answer.
let known = null
let asked = null
let run = 0

export async function settled(compute) {
  const answers = new Map()
  for (let number = 0; ; number++) {
    const questions = new Map()
    let outcome
    known = answers
    asked = questions
    run = number
    try {
      const value = compute()
      outcome = () => value
    } catch (error) {
      outcome = () => { throw error }
    } finally {
      known = asked = null
    }
    const found = await Promise.all([...questions].map(async ([name, ask]) => [name, await ask()]))
    for (const [name, answer] of found) answers.set(name, answer)
    if (found.every(([, answer]) => answer === true)) return outcome()
  }
}

function question(algorithm, key, message, signature, ask) {
  const name = algorithm + String.fromCharCode(...key, ...signature, ...sha256(message))
  if (known.has(name)) return known.get(name)
  if (run >= RUNS_MAX && algorithm === ED25519) known.set(name, computed(key, message, signature))
  else asked.set(name, ask)
  return known.get(name) ?? true
}

const refused = () => new Refused('signature.invalid', 'the signature does not verify with the key it must be by')

export function verifyEd25519(key, message, signature) {
  if (!wellFormed(key, signature)) throw refused()
  if (!question(ED25519, key, message, signature, () => ed25519(key, message, signature))) throw refused()
}

// OpenSSL's WebCrypto also takes points in the hybrid form, which begin with 6 or 7.
export function verifyEs256(key, message, signature) {
  const plain = key[0] === 4 ? fromDer(signature) : null
  const good = plain !== null && question(ES256, key, message, signature, () => es256(key, message, plain))
  if (good === null) throw new Missing('passkey.unsupported', 'nothing here verifies ES256')
  if (!good) throw refused()
}

// Few browsers have it yet; no arithmetic of ours stands in for it.
export function verifyMlDsa44(key, message, signature) {
  const good = question(ML_DSA_44, key, message, signature, () => mlDsa44(key, message, signature))
  if (good === null) throw new Missing('note.unsupported', 'nothing here verifies ML-DSA-44')
  if (!good) throw refused()
}

// --- WebCrypto

async function subtle(algorithm, key, parameters, signature, message) {
  const imported = await crypto.subtle.importKey('raw', key, algorithm, false, ['verify'])
  return crypto.subtle.verify(parameters, imported, signature, message)
}

async function ed25519(key, message, signature) {
  if (!await trustworthy()) return computed(key, message, signature)
  return subtle(ED25519, key, ED25519, signature, message).catch(() => false)
}

async function es256(key, message, signature) {
  if (!globalThis.crypto?.subtle) return null
  const parameters = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  return subtle(parameters, key, parameters, signature, message).catch(() => false)
}

// Every 1,312 bytes are a key, so that one which cannot be imported says that there is no ML-DSA-44.
async function mlDsa44(key, message, signature) {
  if (!globalThis.crypto?.subtle) return null
  const imported = await crypto.subtle.importKey('raw-public', key, ML_DSA_44, false, ['verify']).catch(() => null)
  return imported && crypto.subtle.verify(ML_DSA_44, imported, signature, message).catch(() => false)
}

// Two signatures of the empty message: a good one (RFC 8032 section 7.1), and one with an R of mixed order that only
// the equation with the cofactor accepts.
const TRIED = [
  ['d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155' +
    '5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    true],
  ['67ce395607dbe2bfb803294e04e8951ff620289e1f531c5a666509787846d35f',
    '607055ca3d4aa8af26961afb12b1e60a75fac88f9c260ff25806631dbb269159' +
    '2aafa4b74adb608bebd0ea931a523423fa8aac2c8388c0e94f4a229708969503',
    false],
]
let trusted

function trustworthy() {
  trusted ??= Promise.all(TRIED.map(async ([key, signature, good]) =>
    await subtle(ED25519, unhex(key), ED25519, unhex(signature), new Uint8Array(0)) === good))
    .then(right => right.every(Boolean), () => false)
  return trusted
}

// ECDSA-Sig-Value in DER (RFC 3279 section 2.2.3), one encoding only, as 64 bytes; null for anything else.
function fromDer(der) {
  const numbers = []
  let rest = der.subarray(2)
  if (der[0] !== 0x30 || der[1] !== rest.length || rest.length > 127) return null
  for (let n = 0; n < 2; n++) {
    const length = rest[1]
    const number = rest.subarray(2, 2 + length)
    if (rest[0] !== 2 || !length || number.length !== length || number[0] > 127) return null
    if (number[0] === 0 && (length === 1 || number[1] < 128)) return null
    numbers.push(number[0] === 0 ? number.subarray(1) : number)
    rest = rest.subarray(2 + length)
  }
  if (rest.length || numbers.some(number => number.length > 32)) return null
  return concat(...numbers.flatMap(number => [new Uint8Array(32 - number.length), number]))
}

// --- Edwards25519 (RFC 8032 section 5.1): points are [x, y] times z, with t = xy / z

const P = 2n ** 255n - 19n
const L = 2n ** 252n + 27742317777372353535851937790883648493n
const mod = (value, by = P) => (value % by + by) % by

function power(base, exponent) {
  let result = 1n
  for (let square = base; exponent; exponent >>= 1n, square = mod(square * square)) {
    if (exponent & 1n) result = mod(result * square)
  }
  return result
}

const D = mod(-121665n * power(121666n, P - 2n))
const ROOT_OF_MINUS_1 = power(2n, (P - 1n) / 4n)
const ZERO = [0n, 1n, 1n, 0n]

function plus([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = (y1 - x1) * (y2 - x2)
  const b = (y1 + x1) * (y2 + x2)
  const c = 2n * D * t1 % P * t2
  const d = 2n * z1 * z2
  const [e, f, g, h] = [mod(b - a), mod(d - c), mod(d + c), mod(b + a)]
  return [e * f % P, g * h % P, f * g % P, e * h % P]
}

function times(scalar, point) {
  let sum = ZERO
  for (let double = point; scalar; scalar >>= 1n, double = plus(double, double)) {
    if (scalar & 1n) sum = plus(sum, double)
  }
  return sum
}

const isZero = ([x, y, z]) => x === 0n && y === z

function little(bytes) {
  return BigInt('0x' + hex(Uint8Array.from(bytes).reverse()))
}

function heightOf(bytes) {
  return BigInt.asUintN(255, little(bytes))
}

// The point that 32 bytes encode in the one canonical way, or null.
function pointOf(bytes) {
  const y = heightOf(bytes)
  if (y >= P) return null
  const u = mod(y * y - 1n)
  const v = mod(D * y * y + 1n)
  let x = mod(u * power(v, 3n) * power(u * power(v, 7n), (P - 5n) / 8n))
  if (mod(v * x * x) !== u) x = mod(x * ROOT_OF_MINUS_1)
  if (mod(v * x * x) !== u) return null
  if (Number(x & 1n) !== bytes[31] >> 7) x = mod(-x)
  return [x, y, 1n, mod(x * y)]
}

function bytesOf([x, y, z]) {
  const inverse = power(z, P - 2n)
  const whole = mod(y * inverse) | (mod(x * inverse) & 1n) << 255n
  return unhex(whole.toString(16).padStart(64, '0')).slice().reverse()
}

const G = pointOf(unhex('58' + '66'.repeat(31)))
const ORDER_8 = heightOf(unhex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'))
const SMALL_ORDERS = new Set([0n, 1n, P - 1n, ORDER_8, P - ORDER_8])

const canonicalAndLarge = bytes => heightOf(bytes) < P && !SMALL_ORDERS.has(heightOf(bytes))

const allowed = new Map()

function wellFormed(key, signature) {
  if (key.length !== 32 || signature.length !== 64) return false
  if (!allowed.has(key)) allowed.set(key, canonicalAndLarge(key) && pointOf(key) !== null)
  return allowed.get(key) && canonicalAndLarge(signature.subarray(0, 32)) && little(signature.subarray(32)) < L
}

function computed(key, message, signature) {
  const r = signature.subarray(0, 32)
  const [x, y, z, t] = pointOf(key)
  const k = mod(little(sha512(concat(r, key, message))), L)
  const point = plus(times(little(signature.subarray(32)), G), times(k, [mod(-x), y, z, mod(-t)]))
  return equal(bytesOf(point), r)
}

const whole = new Map()

// Whether a key is the canonical encoding of a point of the prime-order group (libsodium's is_valid_point).
export function isValidPoint(key) {
  if (!whole.has(key)) {
    const point = canonicalAndLarge(key) && pointOf(key)
    whole.set(key, Boolean(point) && isZero(times(L, point)))
  }
  return whole.get(key)
}
