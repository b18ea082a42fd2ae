// An act on its way into a dossier: steps 7 to 12. Mirrors core/admission.py; spec/act.md 6, spec/authority.md 13.
//
// Steps 1 to 6 decide whether an act is there at all, and throw. A failure at steps 7 to 12 makes it void: it stands in
// the stream, and does nothing unless an organ confirms it.

import { Malformed, Missing, Refused } from './errors.js'
import { Issuer } from './act.js'
import { Answer, ZERO, amount, checkLinesKept, compareDecimals, exact, holds, lookUp } from './redline.js'
import { listIn, miss, refuse, within } from './council.js'
import { AFTER_CLOSING, BEFORE_JOINING, LINED, SIGNING, WORDS, isReserved } from './dossier.js'
import { checkOpenTo, perform } from './transitions.js'

const BEFORE_BEGINNING = ['join', 'say', 'acknowledge', 'reveal', 'close', 'publish']

/** What the steps throw as a refusal, or null. What is missing is thrown on. */
export function refusalOf(steps) {
  try {
    steps()
    return null
  } catch (error) {
    if (error instanceof Refused || error instanceof Malformed) return error
    throw error
  }
}

/** Fold an act into the dossier; an organ's decision after its register took it. */
export function admit(dossier, act, party, moment) {
  const register = dossier.around.register(party)
  if (act.issuer === Issuer.HOLDER) return admitHolder(dossier, act, register, moment)
  const organ = register.spines.organ(act.said.organ, act.said.prior)
  const refusal = refusalOf(() => {
    checkEntitled(dossier, act, party, moment)
    register.checkReal(act)
    fit(dossier, act, { party, moment, organ, mandate: null })
  })
  return dossier.record({ act, moment, void: refusal, party })
}

function admitHolder(dossier, act, register, moment) {
  const mandate = register.mandate(act.said.by), { party } = register
  if (act.kind === 'sign-ad-referendum') register.spines.organ(act.said.organ)
  let refusal = register.spoken(act, mandate, moment, act.row.power)
  if (refusal && !dossier.parties.includes(party)) refusal = new Refused('bounds.stranger')
  refusal ??= reasonVoid(dossier, act, register, mandate, moment)
  const outcome = dossier.record({ act, moment, void: refusal, party })
  noteForDuties(dossier, outcome, register, mandate)
  const paper = refusal && SIGNING.has(act.kind) ? dossier.papers.get(act.said.text) : null
  if (paper && dossier.parties.includes(party)) {
    paper.consent(party).signatures.push({ act, party, mandate, moment, void: refusal, withdrawn: false })
  }
  return outcome
}

/** What becomes of an act can rest on a text that is not here: so the register learns what may have been done, too. */
function noteForDuties(dossier, outcome, register, mandate) {
  const { act, moment } = outcome
  if (!mandate.owed.has(act.kind)) return
  const readable = !LINED.has(act.kind) || Boolean(dossier.around.text(act.said.text))
  const certain = readable && !dossier.inDoubt(act.said.text)
  if (!outcome.void || !certain) register.note(mandate, act, moment, !outcome.void, certain)
}

/** Take the act through steps 8 to 12 and into the state; return the refusal of the first step that fails. */
function reasonVoid(dossier, act, register, mandate, moment) {
  const { text, answers } = act.said
  try {
    const refusal = refusalOf(() => {
      checkBounds(dossier, act, register, mandate)
      checkLines(dossier, act, register, mandate, moment)
      register.checkStanding(mandate, act.row.power, moment)
      register.checkReported(act, mandate, moment)
      checkLimit(dossier, act, mandate, moment)
      if (act.kind === 'propose' && answers && dossier.inDoubt(answers)) dossier.doubt(text)
      fit(dossier, act, { party: register.party, moment, organ: null, mandate })
    })
    if (refusal) return refusal
  } catch (error) {
    // Words have no effect: a home that hides cannot silence the dossier.
    const words = error instanceof Missing && WORDS.has(act.kind) && !mandate.owed.has(act.kind)
    if (!words || !error.reason.startsWith('home.')) throw error
  }
  if (LINED.has(act.kind) && !dossier.around.text(text)) {
    dossier.doubt(text)
    if (act.kind === 'propose' && answers && dossier.counterKills) dossier.doubt(answers)
  }
  return null
}

// Step 8: dossier, partners and scope lie within every link.

export function checkBounds(dossier, act, register, mandate) {
  const others = dossier.parties.filter(party => party !== register.party)
  for (const link of mandate.chain) {
    if (link.dossier !== null && link.dossier !== dossier.id) refuse('bounds.dossier')
    if (link.ledgers && !link.ledgers.has(dossier.around.ledger.id)) refuse('bounds.ledger')
    if (link.partners && !within(others, link.partners)) refuse('bounds.partners')
    if (!link.scope) continue
    const scopes = [...dossier.scopes, ...scopesOfText(dossier, act)]
    if (!dossier.scopes.size || !within(scopes, link.scope)) refuse('bounds.scope')
  }
  if (!dossier.parties.includes(register.party)) refuse('bounds.stranger')
}

/** The scopes that the text of an act names, where the act leads to consent and the text is here and readable. */
function scopesOfText(dossier, act) {
  const text = LINED.has(act.kind) ? dossier.around.text(act.said.text) : null
  return text && !refusalOf(() => text.parsedClauses) ? text.parsedClauses.scopes : []
}

/** An organ speaks whose party is one of the dossier's, accedes or has acceded. */
function checkEntitled(dossier, act, party, moment) {
  if (dossier.parties.includes(party)) return
  if (act.kind === 'accede') {
    if (dossier.papers.has(act.said.text)) checkOpenTo(dossier, act.said.text, party)
  } else if (![...dossier.papers.keys()].some(digest => dossier.bound(digest, party, moment))) {
    refuse('bounds.stranger')
  }
}

// Step 9: red lines. A text that is not at hand is not judged here: what rests on it is doubtful.

function checkLines(dossier, act, register, mandate, moment) {
  if (!LINED.has(act.kind)) return
  const lines = register.lines(mandate, act.row.power, moment)
  if (SIGNING.has(act.kind)) {
    for (const [id, { holder, line }] of dossier.told) {
      // A private line counts once a counterparty has acknowledged being told.
      const others = (dossier.acknowledged.get(id) ?? []).filter(party => party !== register.party)
      if (others.some(party => dossier.parties.includes(party)) && mandate.chain.includes(holder)) lines.push(line)
    }
  }
  const text = dossier.around.text(act.said.text)
  if (!text) return
  checkLinesKept(lines, text)
  const fails = check => holds(check, text.terms) !== Answer.KEPT
  if (act.kind === 'adopt' && text.checks.some(fails)) refuse('text.check')
}

// Step 11: a signature keeps the cumulative limits of the chain, and states the running total and the one before it.

function checkLimit(dossier, act, mandate, moment) {
  const limited = mandate.chain.filter(link => link.limit), { around } = dossier
  if (!SIGNING.has(act.kind) || !limited.length) return
  if (dossier.sealed || limited.some(({ limit }) => limit.ledger !== around.ledger.id)) refuse('limit.elsewhere')
  const text = around.text(act.said.text)
  if (!text) miss('text.missing', 'a cumulative limit cannot be reckoned without every text under it')
  for (const { id, limit } of limited) {
    if (around.spentInDoubt(id, dossier, act.said.text)) {
      miss('text.missing', 'what another signature spent may rest on a text that is not here')
    }
    const figure = amount(lookUp(text.terms, limit.path)), most = amount(limit.most)
    const countable = figure && figure.currency === most.currency && compareDecimals(figure.number, ZERO) >= 0
    if (!countable) refuse('limit.unreadable')
    const before = listIn(around.spendings, id)
    const total = before.filter(one => isReserved(one, moment))
      .reduce((sum, { spent }) => exact(sum, spent.number, 'sum'), figure.number)
    if (id === limited[0].id) {
      const stated = amount(act.said.total), same = stated && stated.currency === figure.currency
      const cited = act.said.previous === before.at(-1)?.signature.act.id
      if (!cited || !same || compareDecimals(stated.number, total)) refuse('limit.misstated')
    }
    if (compareDecimals(total, most.number) > 0) refuse('limit.exceeded')
  }
}

// Step 12: does it fit?

function fit(dossier, act, by) {
  const state = dossier.state(by.moment), { kind } = act
  if (state !== 'invited' && state !== 'open' && !AFTER_CLOSING.has(kind)) refuse('dossier.closed')
  if (state === 'invited' && !BEFORE_BEGINNING.includes(kind)) refuse('dossier.not-begun')
  if (by.mandate && !dossier.joined.has(by.party) && !BEFORE_JOINING.has(kind)) refuse('dossier.not-joined')
  if (dossier.left.has(by.party) && !AFTER_CLOSING.has(kind)) refuse('dossier.left')
  perform(dossier, act, by)
}
