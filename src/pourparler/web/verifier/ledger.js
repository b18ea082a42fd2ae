// Mirrors core/ledger/: tree, signed notes, checkpoints, policies (spec/ledger.md). What evidence does not use is not
// here: single inclusion proofs, .tlog-proof files, and whatever makes proofs and notes.

import { EMPTY, canonical, concat, equal, fromUtf8, hex, intern, isBytes, limits, sha256, utf8 } from './encoding.js'
import { Malformed, Missing, Refused } from './errors.js'
import { isValidPoint, verifyEd25519, verifyMlDsa44 } from './signing.js'

const HASH_BYTES = 32
const SIGNATURE_BYTES = 64
const EMPTY_ROOT = sha256(EMPTY)

// --- the tree (RFC 9162 section 2.1). Sizes and indexes reach 2^63 - 1, so that they are BigInt while one counts.

export function leafHash(entry) {
  if (entry.length > limits.LEDGER_ENTRY_MAX_BYTES) throw new Malformed('tree.entry-too-large', `${entry.length} bytes`)
  return sha256(concat([0], entry))
}

export const nodeHash = (left, right) => sha256(concat([1], left, right))

function bitLength(number) {
  return number === 0n ? 0 : number.toString(2).length
}

const bitCount = number => number.toString(2).replaceAll('0', '').length
const split = width => 1n << BigInt(bitLength(width - 1n) - 1)

function checkSize(size) {
  if (size < 0 || size > limits.TREE_SIZE_MAX) throw new Malformed('tree.size', 'a tree has 0 to 2^63 - 1 entries')
}

function checkIndex(index, size) {
  checkSize(size)
  if (index < 0 || index >= size) throw new Refused('tree.index', `no entry ${index} in a tree of ${size}`)
}

function checkHashes(hashes) {
  for (const hash of hashes) {
    if (!isBytes(hash) || hash.length !== HASH_BYTES) throw new Malformed('tree.hash-length', 'a hash is 32 bytes')
  }
}

function checkPath(path, length) {
  if (path.length !== length) throw new Refused('proof.length', `${path.length} hashes; exactly ${length}`)
  checkHashes(path)
}

export function verifyConsistency(oldSize, oldRoot, newSize, newRoot, path) {
  checkSize(oldSize)
  checkSize(newSize)
  if (oldSize > newSize) throw new Refused('proof.sizes', `a tree of ${newSize} cannot begin with one of ${oldSize}`)
  checkHashes([oldRoot, newRoot])
  const [old, now] = [BigInt(oldSize), BigInt(newSize)]
  const shared = old ? BigInt(bitLength(old & -old) - 1) : 0n
  const [at, last] = [old - 1n >> shared, now - 1n >> shared]
  const complete = bitCount(old) === 1
  checkPath(path, old === 0n || old === now ? 0 : Number(!complete) + inclusionLength(at, last))
  let consistent
  if (old === 0n) {
    consistent = oldRoot === EMPTY_ROOT && (now > 0n || newRoot === EMPTY_ROOT)
  } else if (old === now) {
    consistent = oldRoot === newRoot
  } else {
    const [first, ...others] = complete ? [oldRoot, ...path] : path
    const [before, after] = fold(at, last, first, others)
    consistent = before === oldRoot && after === newRoot
  }
  if (!consistent) throw new Refused('proof.inconsistent', 'the path does not lead from the one root to the other')
}

function inclusionLength(index, last) {
  const belowTheFork = bitLength(index ^ last)
  return belowTheFork + bitCount(index >> BigInt(belowTheFork))
}

// RFC 9162 sections 2.1.3.2 step 4 and 2.1.4.2 step 6, where `at` is called fn and `last` sn.
function fold(at, last, hash, path) {
  let [old, now] = [hash, hash]
  for (const sibling of path) {
    if (at % 2n === 1n || at === last) {
      old = nodeHash(sibling, old)
      now = nodeHash(sibling, now)
      while (at % 2n === 0n && at > 0n) {
        at >>= 1n
        last >>= 1n
      }
    } else {
      now = nodeHash(now, sibling)
    }
    at >>= 1n
    last >>= 1n
  }
  return [old, now]
}

// The root of the tree of `size` that holds each leaf hash at its index (spec/ledger.md section 4).
export function verifyMultiproof(size, leaves, hashes) {
  const known = [...leaves.keys()].sort((a, b) => a < b ? -1 : a > b ? 1 : 0)
  checkPath(hashes, unknownSubtrees(size, known))
  checkHashes(leaves.values())
  let used = 0
  const leaf = index => leaves.get(canonical(index))
  return overTree(size, known, { unknown: () => hashes[used++], leaf, join: nodeHash })
}

// What comes of a tree's subtrees without a known leaf, of its known leaves, and of two neighbours joined; left first.
// At most 64 deep: each step halves the range.
function overTree(size, known, { unknown, leaf, join }) {
  const visit = (start, end, first, last) => {
    if (first === last) return unknown()
    if (end - start === 1n) return leaf(start)
    const middle = start + split(end - start)
    const cut = bisect(known, middle, first, last)
    const left = visit(start, middle, first, cut)
    return join(left, visit(middle, end, cut, last))
  }
  return visit(0n, BigInt(size), 0, known.length)
}

function bisect(sorted, wanted, low, high) {
  while (low < high) {
    const probe = low + high >> 1
    if (sorted[probe] < wanted) low = probe + 1
    else high = probe
  }
  return low
}

function unknownSubtrees(size, known) {
  if (!known.length) throw new Refused('proof.no-leaves', 'a proof of no entry proves nothing')
  checkIndex(known[0], size)
  checkIndex(known.at(-1), size)
  const count = overTree(size, known, { unknown: () => 1, leaf: () => 0, join: (left, right) => left + right })
  if (count > limits.MULTIPROOF_HASHES_MAX) throw new Malformed('proof.too-many-hashes', `${count} hashes`)
  return count
}

// --- signed notes (c2sp.org/signed-note) and cosignatures (c2sp.org/tlog-cosignature)

const latin1 = bytes => Array.from(bytes, byte => String.fromCharCode(byte)).join('')
const fromLatin1 = text => intern(Uint8Array.from(text, character => character.charCodeAt(0)))

// Null unless the text is the one standard base64 of something: padded, no stray bits.
function parseBase64(text) {
  try {
    const decoded = atob(text)
    return btoa(decoded) === text ? fromLatin1(decoded) : null
  } catch {
    return null
  }
}

function parseDecimal(text) {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text)) return null
  const number = BigInt(text)
  return number <= limits.TREE_SIZE_MAX ? canonical(number) : null
}

const isLine = text => text !== '' && !/[\0-\x1f\ud800-\udfff]/u.test(text) && text[0] !== '\ufeff'
const SPACE = /[ \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]/

function checkKeyName(name) {
  if (!isLine(name) || SPACE.test(name)) throw new Malformed('note.key-name', 'a key name has no space and no plus')
}

export const KeyType = Object.freeze({ ED25519: 1, COSIGNATURE_ED25519: 4, COSIGNATURE_ML_DSA_44: 6 })
const PUBLIC_KEY_BYTES = { 1: 32, 4: 32, 6: 1312 }
const COSIGNATURE_BYTES = { 4: SIGNATURE_BYTES, 6: 2420 }
const isLedgerType = type => type === KeyType.ED25519 || type === KeyType.COSIGNATURE_ML_DSA_44
const isWitnessType = type => type in COSIGNATURE_BYTES
const ML_DSA_NAME_MAX_BYTES = 255

export class VerifierKey {
  constructor(name, type, publicKey) {
    checkKeyName(name)
    if (type === KeyType.COSIGNATURE_ML_DSA_44 && utf8(name).length > ML_DSA_NAME_MAX_BYTES) {
      throw new Malformed('note.key-name', 'the name of such a key has at most 255 bytes')
    }
    if (publicKey.length !== PUBLIC_KEY_BYTES[type]) throw new Malformed('note.key', 'a public key of another length')
    if (publicKey.length === 32 && !isValidPoint(publicKey)) throw new Refused('note.key-point', 'no such point')
    const keyId = intern(sha256(concat(utf8(`${name}\n`), [type], publicKey)).subarray(0, 4))
    Object.assign(this, { name, type, publicKey, keyId, pair: `${name}\n${hex(keyId)}` })
  }
}

export function parseVkey(text) {
  const [, name, keyId, encoded] = /^([^+]*)\+?([^+]*)\+?([^]*)$/.exec(text)
  const material = parseBase64(encoded)
  if (!/^[0-9a-f]{8}$/.test(keyId) || !material?.length) throw new Malformed('note.key', 'a vkey is name+key id+base64')
  if (!(material[0] in PUBLIC_KEY_BYTES)) throw new Refused('note.key-type', `keys of type ${material[0]}`)
  const key = new VerifierKey(name, material[0], intern(material.subarray(1)))
  if (hex(key.keyId) !== keyId) throw new Refused('note.key-id', `the key id is ${hex(key.keyId)}, not ${keyId}`)
  return key
}

function verifies(key, message, signature) {
  const verify = key.type === KeyType.COSIGNATURE_ML_DSA_44 ? verifyMlDsa44 : verifyEd25519
  try {
    verify(key.publicKey, message, signature)
    return true
  } catch (error) {
    if (error instanceof Refused) return false
    throw error
  }
}

export function openNote(data, knownKeys) {
  const keys = new Map()
  for (const key of knownKeys) {
    const other = keys.get(key.pair)
    if (other && (other.type !== key.type || !equal(other.publicKey, key.publicKey))) {
      throw new Refused('note.key-clash', `two known keys are ${key.pair}`)
    }
    if (!other) keys.set(key.pair, key)
  }
  const [text, lines] = splitNote(data)
  const signatures = new Map()
  for (const line of lines) {
    const [name, keyId, blob] = parseSignatureLine(line)
    const key = keys.get(`${name}\n${hex(keyId)}`)
    if (!key) continue
    if (signatures.has(key)) throw new Refused('note.signed-twice', `two signatures by ${name}`)
    signatures.set(key, blob)
  }
  return verifyNote(text, signatures)
}

function verifyNote(text, signatures) {
  const note = { text, signers: [], cosignatures: [], skipped: [] }
  for (const [key, blob] of signatures) {
    if (isWitnessType(key.type)) verifyWitness(note, key, blob)
    else if (blob.length === SIGNATURE_BYTES && verifies(key, utf8(text), blob)) note.signers.push(key)
    else throw new Refused('note.signature', `the signature by ${key.name} does not verify`)
  }
  if (!note.signers.length && !note.cosignatures.length) {
    if (note.skipped.length) throw unsupported()
    throw new Refused('note.unverified', 'no signature by a known key')
  }
  return note
}

const unsupported = () => new Missing('note.unsupported', 'signed with ML-DSA-44, which nothing here verifies')

// What nothing here can verify is set aside: present, and never counted.
function verifyWitness(note, key, blob) {
  try {
    note.cosignatures.push(verifyCosignature(note.text, key, blob))
  } catch (error) {
    if (!(error instanceof Missing)) throw error
    note.skipped.push(key)
  }
}

function verifyCosignature(text, key, blob) {
  const ofEd25519 = key.type === KeyType.COSIGNATURE_ED25519
  if (blob.length !== 8 + COSIGNATURE_BYTES[key.type]) throw new Malformed('cosignature.length', `${blob.length} bytes`)
  const time = canonical(new DataView(blob.buffer, blob.byteOffset).getBigUint64(0))
  if (time < Number(ofEd25519) || time > limits.TREE_SIZE_MAX) throw new Refused('cosignature.time', 'another time')
  const message = ofEd25519 ? utf8(`cosignature/v1\ntime ${time}\n${text}`) : mlDsaMessage(text, key.name, time)
  if (message === null || !verifies(key, message, intern(blob.subarray(8)))) {
    throw new Refused('cosignature.signature', `the cosignature by ${key.name} does not verify`)
  }
  return { key, time }
}

// The parts of a checkpoint, and the cosigner's name; null unless the text is one of exactly three lines.
function mlDsaMessage(text, cosigner, time) {
  const lines = text.split('\n')
  const origin = utf8(lines[0])
  if (lines.length !== 4 || !origin.length || origin.length > ML_DSA_NAME_MAX_BYTES) return null
  const [size, root] = [parseDecimal(lines[1]), parseBase64(lines[2])]
  if (size === null || root?.length !== HASH_BYTES) return null
  const name = utf8(cosigner)
  const seen = [eight(time), [origin.length], origin, eight(0), eight(size), root]
  return concat(utf8('subtree/v1\n\0'), [name.length], name, ...seen)
}

function eight(number) {
  const out = new Uint8Array(8)
  new DataView(out.buffer).setBigUint64(0, BigInt(number))
  return out
}

function splitNote(data) {
  if (data.length > limits.NOTE_MAX_BYTES) throw new Malformed('note.too-large', `${data.length} bytes`)
  const note = fromUtf8(data)
  if (note === null || /[\0-\x09\x0b-\x1f]|^\ufeff/.test(note)) {
    throw new Malformed('note.text', 'a note is UTF-8, without control characters but newline')
  }
  const blank = note.lastIndexOf('\n\n')
  if (blank < 0 || !note.endsWith('\n') || note.length === blank + 2) {
    throw new Malformed('note.layout', 'a note is a text, a blank line and signature lines')
  }
  const lines = note.slice(blank + 2, -1).split('\n')
  if (lines.length > limits.NOTE_SIGNATURES_MAX) throw new Malformed('note.signature-count', `${lines.length} lines`)
  return [note.slice(0, blank + 1), lines]
}

function parseSignatureLine(line) {
  const [, name, encoded] = /^\u2014 ([^ ]*) ?([^]*)$/.exec(line) ?? []
  const blob = name === undefined ? null : parseBase64(encoded)
  if (!blob || blob.length < 5) throw new Malformed('note.signature-line', 'em dash, key name and base64')
  checkKeyName(name)
  return [name, blob.subarray(0, 4), intern(blob.subarray(4))]
}

// --- checkpoints (c2sp.org/tlog-checkpoint)

export function parseCheckpoint(text) {
  const lines = text.split('\n')
  if (lines.length < 4 || lines.pop() !== '' || lines.includes('')) {
    throw new Malformed('checkpoint.lines', 'a checkpoint has at least three lines, none empty')
  }
  const [origin, size, root] = [lines[0], parseDecimal(lines[1]), parseBase64(lines[2])]
  if (size === null) throw new Malformed('checkpoint.size', 'a size is ASCII decimal, at most 2^63 - 1')
  if (root === null) throw new Malformed('checkpoint.root', 'a root is 32 bytes in padded standard base64')
  if (lines.length > 3) throw new Refused('checkpoint.extension', 'extension lines are not accepted')
  if (!isLine(origin)) throw new Malformed('checkpoint.lines', 'an origin is one line, not empty')
  if (root.length !== HASH_BYTES) throw new Malformed('checkpoint.root', 'a root is 32 bytes')
  if (size === 0 && root !== EMPTY_ROOT) throw new Refused('checkpoint.empty-root', 'another root of nothing')
  return { origin, size, root }
}

export function openCheckpoint(data, origin, key, witnesses = []) {
  if (!isLedgerType(key.type)) throw new Refused('checkpoint.key-type', 'a ledger signs with a key of 0x01 or 0x06')
  if (!witnesses.every(witness => isWitnessType(witness.type))) {
    throw new Refused('cosignature.key-type', 'a witness cosigns with a key of type 0x04 or 0x06')
  }
  const note = openNote(data, [key, ...witnesses])
  const checkpoint = parseCheckpoint(note.text)
  if (checkpoint.origin !== origin) throw new Refused('checkpoint.origin', 'the checkpoint is of another ledger')
  if (note.skipped.includes(key)) throw unsupported()
  const cosignatures = note.cosignatures.filter(one => one.key !== key)
  if (!note.signers.includes(key) && cosignatures.length === note.cosignatures.length) {
    throw new Refused('checkpoint.unsigned', 'the ledger has not signed the checkpoint')
  }
  // A witness known under two names counts once, for its signature does not cover its name.
  const cosigners = (earliest, latest) => new Set(
    cosignatures.filter(one => Math.max(earliest, 1) <= one.time && one.time <= latest).map(one => one.key.publicKey))
  return { checkpoint, cosignatures, skipped: note.skipped, cosigners }
}

// --- policies (c2sp.org/tlog-policy). Names are octets, held as text of one character for each.

export function quorumMet(policy, cosigners) {
  const witnessed = new Set(policy.witnesses.filter(one => cosigners.has(one.key.publicKey)).map(one => one.name))
  for (const group of policy.groups) {
    if (group.members.filter(member => witnessed.has(member)).length >= group.threshold) witnessed.add(group.name)
  }
  return policy.quorum === null || witnessed.has(policy.quorum)
}

export function parsePolicy(data) {
  if (data.length > limits.TLOG_POLICY_MAX_BYTES) throw new Malformed('policy.too-large', `${data.length} bytes`)
  const text = latin1(data)
  if (/[\0-\x08\x0b-\x1f\x7f]/.test(text)) throw new Malformed('policy.octet', 'no control characters but tab, newline')
  const lines = text.split('\n')
  if (lines.pop()) throw new Malformed('policy.line', 'the last line has no newline: the file may be cut short')
  const draft = new PolicyDraft()
  for (const line of lines) draft.read(line.split(/[ \t]+/).filter(Boolean))
  return draft.finished()
}

class PolicyDraft {
  constructor() {
    Object.assign(this, { logs: [], witnesses: [], groups: [], quorums: [], names: new Set(), members: new Set() })
  }

  read(fields) {
    const [word, ...rest] = fields
    if (!fields.length || word.startsWith('#')) return
    const between = (least, most) => rest.length >= least && rest.length <= most
    if (word === 'log' && between(1, 2)) this.addLog(...rest)
    else if (word === 'witness' && between(2, 3)) this.addWitness(...rest)
    else if (word === 'group' && between(3, Infinity)) this.addGroup(...rest)
    else if (word === 'quorum' && between(1, 1)) this.setQuorum(rest[0])
    else throw new Malformed('policy.line', 'a line is log, witness, group or quorum with its fields, or a comment')
  }

  addLog(vkey, url = '') {
    const key = parsePolicyKey(vkey)
    if (!isLedgerType(key.type)) throw new Refused('policy.key-type', "a log's key is of type 0x01 or 0x06")
    this.checkKey(key, this.logs)
    this.logs.push({ key, url })
  }

  addWitness(name, vkey, url = '') {
    const key = parsePolicyKey(vkey)
    if (!isWitnessType(key.type)) throw new Refused('policy.key-type', "a witness's key is of type 0x04 or 0x06")
    this.checkKey(key, this.witnesses)
    this.define(name)
    this.witnesses.push({ name, key, url })
  }

  addGroup(name, threshold, ...members) {
    for (const member of members) {
      if (!this.names.has(member)) throw new Refused('policy.unknown-name', 'members are defined on the lines before')
      if (this.members.has(member)) throw new Refused('policy.member-twice', 'a name is a member once, in one group')
      this.members.add(member)
    }
    this.define(name)
    const number = threshold === 'any' ? 1 : threshold === 'all' ? members.length : parseDecimal(threshold)
    if (number === null || number < 1 || number > members.length) {
      throw new Malformed('policy.threshold', `a threshold is any, all or a number from 1 to ${members.length}`)
    }
    this.groups.push({ name, threshold: number, members })
  }

  setQuorum(name) {
    if (name !== 'none' && !this.names.has(name)) throw new Refused('policy.unknown-name', 'a quorum nobody defined')
    this.quorums.push(name)
  }

  define(name) {
    if (name === 'none' || this.names.has(name)) throw new Refused('policy.duplicate-name', 'the name is taken')
    this.names.add(name)
  }

  checkKey(key, others) {
    if (others.length >= limits.TLOG_POLICY_KEYS_MAX) throw new Refused('policy.too-many', 'too many logs or witnesses')
    // A key of ML-DSA-44 is too long to be interned.
    if (others.some(other => hex(other.key.publicKey) === hex(key.publicKey))) {
      throw new Refused('policy.duplicate-key', 'the public key is listed before, under whatever name')
    }
  }

  finished() {
    const { logs, witnesses, groups, quorums } = this
    if (quorums.length !== 1) throw new Refused('policy.quorum', `${quorums.length} quorum lines; exactly one`)
    return { logs, witnesses, groups, quorum: quorums[0] === 'none' ? null : quorums[0] }
  }
}

function parsePolicyKey(vkey) {
  const text = fromUtf8(fromLatin1(vkey))
  if (text === null) throw new Malformed('note.key', 'a vkey is UTF-8')
  return parseVkey(text)
}
