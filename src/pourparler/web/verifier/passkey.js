// Mirrors core/passkey.py: a WebAuthn assertion as the signature of a vote (spec/encoding.md section 6).

import { ALGORITHM_PASSKEY_ES256, concat, decode, fromUtf8, intern, isBytes, isList, sha256, utf8 } from './encoding.js'
import { Malformed, PourparlerError, Refused } from './errors.js'
import { verifyEd25519, verifyEs256 } from './signing.js'

const PRESENT_AND_VERIFIED = 0x05
const AUTHENTICATOR_DATA_MIN_BYTES = 37

export class Passkey {
  constructor(algorithm, publicKey, relyingParty, origin) {
    Object.assign(this, { algorithm, publicKey, relyingParty, origin })
  }
}

export function verifyAssertion(passkey, actId, value) {
  const [authenticatorData, clientDataJson, signature] = openAssertion(value)
  const client = openClientData(clientDataJson)
  const need = (met, reason, detail) => {
    if (!met) throw new Refused(`passkey.${reason}`, detail)
  }
  need(client.get('type') === 'webauthn.get', 'type', 'the assertion is not of type webauthn.get')
  need(client.get('challenge') === base64url(actId), 'challenge', 'the assertion is for another act')
  need(client.get('origin') === passkey.origin && [undefined, false].includes(client.get('crossOrigin')), 'origin',
    'the assertion was made at another origin than the registered one')
  need(intern(authenticatorData.subarray(0, 32)) === sha256(utf8(passkey.relyingParty)), 'relying-party',
    'the assertion is for another relying party')
  need((authenticatorData[32] & PRESENT_AND_VERIFIED) === PRESENT_AND_VERIFIED, 'user',
    'the user was not both present and verified')
  const message = concat(authenticatorData, sha256(clientDataJson))
  const verify = passkey.algorithm === ALGORITHM_PASSKEY_ES256 ? verifyEs256 : verifyEd25519
  verify(passkey.publicKey, message, signature)
}

function base64url(bytes) {
  const text = btoa(String.fromCharCode(...bytes))
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

const malformed = detail => new Malformed('passkey.malformed', detail)

function openAssertion(value) {
  let parts
  try {
    parts = decode(value)
  } catch (error) {
    if (error instanceof PourparlerError) throw malformed('the signature is no encoded list')
    throw error
  }
  if (!isList(parts) || parts.length !== 3 || !parts.every(isBytes)) throw malformed('a list of three byte strings')
  if (parts[0].length < AUTHENTICATOR_DATA_MIN_BYTES) throw malformed('authenticatorData is too short')
  return parts
}

// JSON.parse keeps the last of two members with one name and does not say so: hence the walk over the tokens.
function openClientData(bytes) {
  const text = fromUtf8(bytes)
  let object
  try {
    object = JSON.parse(text ?? '')
  } catch {
    throw malformed('clientDataJSON is no JSON')
  }
  if (object === null || typeof object !== 'object' || isList(object)) throw malformed('clientDataJSON is no object')
  const names = []
  let depth = 0
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)
  tokens.forEach((token, at) => {
    if ('{['.includes(token)) depth++
    else if ('}]'.includes(token)) depth--
    else if (token === ':' && depth === 1) names.push(JSON.parse(tokens[at - 1]))
  })
  if (new Set(names).size !== names.length) throw malformed('clientDataJSON names a member twice')
  return new Map(Object.entries(object))
}
