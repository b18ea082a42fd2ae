// Mirrors core/errors.py: whose fault, and a stable reason from spec/reasons.md. Foreign input throws nothing else.
// Malformed and Refused make a verdict INVALID, Missing makes it CANNOT TELL.

export class PourparlerError extends Error {
  constructor(reason, detail = '') {
    super(detail ? `${reason}: ${detail}` : reason)
    this.reason = reason
    this.detail = detail
  }
}

export class Malformed extends PourparlerError {}
export class Refused extends PourparlerError {}
export class Missing extends PourparlerError {}

// The twelve steps of spec/act.md section 5, by the first word of a reason.
export const STEP_POWER = 7
export const STEP_STANDING = 10

const FIRST_WORDS = {
  envelope: 1, cbor: 1, act: 2, unknown: 4, home: 4, signature: 5, passkey: 5, decision: 6, vote: 6, suspension: 6,
  beacon: 6, stamp: 6, power: 7, chain: 7, bounds: 8, line: 9, text: 9, standing: 10, limit: 11, dossier: 12,
  consent: 12,
}

export function stepOf(reason) {
  return { 'act.form': 3, 'chain.custody': 6 }[reason] ?? FIRST_WORDS[reason.split('.')[0]]
}
