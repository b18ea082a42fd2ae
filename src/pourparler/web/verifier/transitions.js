// What each kind of act does to a dossier. Mirrors core/transitions.py; spec/dossier.md section 8.
//
// One handler for each kind; it refuses before it changes anything. `by` is who acts and when: a party, by the holder
// of a mandate or by an organ; `paper` the text that the act names, which somebody has proposed.

import { PourparlerError } from './errors.js'
import { Power } from './act.js'
import { DAY_SECONDS } from './clauses.js'
import { amount, checkLinesKept, lookUp, parseLine } from './redline.js'
import { listIn, miss, place, refuse, within } from './council.js'
import { opens } from './authority.js'
import { BINDING, CONSENT_TABLE, DOSSIER_TABLE, SIGNING, TEXT_TABLE } from './dossier.js'
import { Paper, moved, newConsent, waits } from './dossier.js'

const organOf = by => (by.organ ? by.organ.id : by.mandate.organ)

function reveal(dossier, act, by) {
  const { mandate, line, salt } = act.said
  const holder = by.mandate.chain.find(link => link.id === mandate)
  if (!holder || !opens(holder, line, salt)) refuse('line.no-commitment')
  dossier.told.set(act.id, { holder, line: parseLine(line) })
}

function acknowledge(dossier, act, by) {
  listIn(dossier.acknowledged, act.said.about).push(by.party)
}

// The dossier.

function join(dossier, act, by) {
  if (!dossier.parties.includes(by.party)) refuse('bounds.stranger')
  dossier.join(by.party)
}

/** Between two, either closes the talks; among many, a party leaves, and the talks fail when fewer than two stay. */
function close(dossier, act, by) {
  const state = moved(DOSSIER_TABLE, dossier.state(by.moment), act.said.as)
  if (act.said.as === 'agreed') {
    checkAgreed(dossier, by)
  } else if (dossier.parties.length > 2) {
    dossier.left.add(by.party)
    if (dossier.staying().length >= 2) return
  }
  dossier.closed = { state, moment: by.moment }
}

/** Refuse unless a text binds some party, and among many, every party that joined and stayed. */
function checkAgreed(dossier, by) {
  const staying = dossier.parties.length > 2 ? dossier.staying() : []
  const binds = digests => {
    const bound = [...dossier.joined].filter(party =>
      digests.filter(digest => dossier.bound(digest, party, by.moment)).length)
    return bound.length > 0 && staying.every(party => bound.includes(party))
  }
  const papers = [...dossier.papers.values()]
  const consented = papers.filter(({ consents }) => [...consents.values()].some(({ state }) => BINDING.has(state)))
    .map(({ digest }) => digest)
  const read = consented.filter(digest => dossier.around.text(digest) && !dossier.inDoubt(digest))
  if (binds(read)) return
  if (read.length !== consented.length || dossier.doubtful.size) {
    dossier.unsettled = true
    dossier.around.doubt(dossier)
  }
  if (!binds(consented)) refuse('dossier.not-agreed')
}

// Texts.

function changeText(dossier, paper, event, by) {
  paper.state = moved(TEXT_TABLE, dossier.textState(paper, by.moment), event)
}

function propose(dossier, act, by) {
  const { text, answers, until } = act.said
  if (by.moment.time < dossier.suspendedUntil) refuse('dossier.suspended')
  if (dossier.papers.has(text)) refuse('dossier.repeated')
  const answered = answers ? dossier.paper(answers) : null
  if (answered?.author === by.party) refuse('dossier.own-offer')
  if (answered && dossier.counterKills) changeText(dossier, answered, 'countered', by)
  dossier.papers.set(text, new Paper(text, by.party, by.moment, until ?? Infinity))
}

function reject(dossier, act, by, paper) {
  if (paper.author === by.party) refuse('dossier.own-offer')
  const state = moved(TEXT_TABLE, dossier.textState(paper, by.moment), 'reject')
  // Where a share adopts, one party cannot stop the others.
  if (!dossier.share) paper.state = state
}

function withdraw(dossier, act, by, paper) {
  if (paper.author !== by.party) refuse('dossier.not-author')
  changeText(dossier, paper, 'withdraw', by)
}

function adopt(dossier, act, by, paper) {
  if (dossier.textState(paper, by.moment) !== 'proposed') refuse('dossier.overtaken')
  if (paper.adoptedBy.has(by.party)) refuse('dossier.repeated')
  const adopted = new Set([...paper.adoptedBy, by.party])
  if (isAdopted(dossier, adopted)) changeText(dossier, paper, 'adopted', by)
  paper.adoptedBy = adopted
}

/** Whether enough parties adopted: all that joined, or the share of them that the opening asks for. */
function isAdopted(dossier, adopted) {
  const joined = dossier.staying(), [part, whole] = dossier.share ?? [1, 1]
  return adopted.size >= 2 && joined.filter(party => adopted.has(party)).length * whole >= joined.length * part
}

/** Count a party's initials or signature: when all who adopted have given theirs, no byte changes any more. */
function authenticate(dossier, paper, by) {
  const settled = ['adopted', 'authenticated', 'open for consent']
  if (!settled.includes(dossier.textState(paper, by.moment))) refuse('dossier.overtaken')
  paper.authenticatedBy.add(by.party)
  if (paper.state === 'adopted' && within(paper.adoptedBy, paper.authenticatedBy)) {
    changeText(dossier, paper, 'authenticated', by)
  }
}

// Consent.

function changeConsent(dossier, paper, event, by) {
  return moved(CONSENT_TABLE, dossier.consentState(paper, by.party, by.moment), event)
}

/** Refuse unless the text is adopted, and open for consent where it says from when. */
function checkOpen(dossier, paper, moment) {
  const state = dossier.textState(paper, moment), opensAt = dossier.opensAt(paper)
  if (state === 'authenticated' || moment.time < opensAt) refuse('dossier.not-open')
  if (state !== 'adopted' && state !== 'open for consent') refuse('dossier.overtaken')
}

function checkReserves(dossier, act) {
  const reserves = act.said.reserves ?? []
  const clauses = reserves.length ? dossier.readableClauses(act.said.text) : null
  if (clauses && !within(reserves, clauses.reservations)) refuse('consent.reservation')
  return reserves
}

/** No organ consents to what it, or one above it, has refused, in whatever dossier: it takes a new text. */
function checkNotRefused(dossier, paper, by) {
  const refused = dossier.around.refused(dossier, paper.digest, by.party, organOf(by))
  if (refused) refuse('dossier.overtaken')
  if (refused === null) dossier.doubt(paper.digest)
}

function checkOrganLines(dossier, act, organ) {
  if (!organ.lines.length) return
  const text = dossier.around.text(act.said.text)
  if (text) checkLinesKept(organ.lines, text, 'organ')
  else dossier.doubt(act.said.text)
}

/** A signature by a holder, ad referendum or definitive. */
function sign(dossier, act, by, paper) {
  const { text, deadline, organ } = act.said, { moment, mandate, party } = by, definitive = act.kind === 'conclude'
  checkOpen(dossier, paper, moment)
  const consent = paper.consents.get(party) ?? newConsent(party)
  const following = changeConsent(dossier, paper, act.kind, by)
  const reserves = checkReserves(dossier, act)
  if (definitive) {
    checkNotRefused(dossier, paper, by)
  } else {
    if (deadline <= moment.time) refuse('dossier.late')
    if (!(dossier.around.register(party).spines.organ(organ).powers & Power.RATIFY)) refuse('consent.organ')
  }
  authenticate(dossier, paper, by)
  paper.consents.set(party, consent)
  const signature = { act, party, mandate, moment, void: null, withdrawn: false }
  consent.signatures.push(signature)
  // A ratification may wait for its confirmation.
  if (definitive || !BINDING.has(consent.state)) consent.state = following
  if (definitive) Object.assign(consent, { act, moment, reserves, restsOn: [signature], subjectTo: null })
  for (const { id, limit } of mandate.chain) {
    if (!limit) continue
    const spent = amount(lookUp(dossier.around.text(text).terms, limit.path))
    listIn(dossier.around.spendings, id).push({ signature, spent, dossier })
  }
}

function withdrawSignature(dossier, act, by) {
  for (const paper of dossier.papers.values()) {
    const consent = paper.consents.get(by.party)
    const signature = consent?.signatures.find(one => one.act.id === act.said.signature)
    if (signature?.act.kind !== 'sign-ad-referendum') continue
    if (!signature.mandate.chain.includes(by.mandate)) refuse('dossier.not-author')
    if (BINDING.has(consent.state)) refuse('dossier.overtaken')
    signature.withdrawn = true
    return
  }
  refuse('dossier.unknown-signature')
}

/** The council's act: it names the text, the very signatures, and the past it has seen. */
function ratify(dossier, act, by, paper) {
  const { state, adoptedBy, authenticatedBy } = paper
  paper.authenticatedBy = new Set(authenticatedBy)
  let confirmed
  try {
    confirmed = confirm(dossier, act, by)
    consentBy(dossier, act, by, paper, confirmed)
  } catch (error) {
    if (error instanceof PourparlerError) Object.assign(paper, { state, adoptedBy, authenticatedBy })
    throw error
  }
  for (const outcome of confirmed.values()) dossier.outcomes.set(outcome.act.id, { ...outcome, void: null })
}

function consentBy(dossier, act, by, paper, confirmed) {
  const { party, organ, moment } = by, past = readPast(dossier, act, by)
  checkOpen(dossier, paper, moment)
  const consent = paper.consent(party)
  const named = consent.signatures.filter(signature => act.said.signs.includes(signature.act.id))
  if (named.length !== act.said.signs.length) refuse('consent.signature')
  for (const signature of named) checkRatified(dossier, signature, past, by, confirmed)
  checkNotRefused(dossier, paper, by)
  const before = dossier.consentState(paper, party, moment)
  if (before === 'lapsed') refuse('dossier.late')
  if (BINDING.has(consent.state)) refuse('dossier.overtaken')
  const state = moved(CONSENT_TABLE, before, 'ratify')
  checkOrganLines(dossier, act, organ)
  const reserves = checkReserves(dossier, act)
  const subjectTo = dossier.around.register(party).spines.answersTo(organ, Power.RATIFY)
  Object.assign(consent, { state, act, moment, reserves, restsOn: named, subjectTo })
}

/** The past that a ratification names: of its dossier, of its party's stream there, and of spines. */
function readPast(dossier, act, by) {
  const register = dossier.around.register(by.party), { spines } = register, { seen } = act.said
  const dossierIndex = dossier.around.seen(dossier.id, ...seen.dossier)
  const partyIndex = dossier.around.seen(by.party, ...seen.party)
  if (dossierIndex === null || partyIndex === null) refuse('consent.past')
  const places = new Map([[by.organ.id, by.organ.place]])
  for (const head of act.said.spines ?? []) {
    if (spines.decisions.has(head)) register.checkReal(spines.decisions.get(head))
    for (const organ of spines.heads.keys()) {
      const state = spines.at.get(place(organ, head))
      if (state && (spines.decisions.has(head) || head === organ)) places.set(organ, state.place)
    }
  }
  return { dossierIndex, partyIndex, places, homePlaces: readHomePlaces(act, register) }
}

/** The places that the act's heads have in the homes shown. */
function readHomePlaces(act, { home, spines }) {
  const places = new Map()
  for (const head of home ? [act.said.prior, ...(act.said.spines ?? [])] : []) {
    const found = home.registers.flatMap(one =>
      [...one.spines.heads.keys()].map(organ => one.spines.at.get(place(organ, head))).filter(Boolean))
    if (!found.length && !spines.decisions.has(head) && !spines.heads.has(head)) {
      miss('home.not-shown', 'a head that the ratification has seen is not shown, here or at home')
    }
    for (const state of found) places.set(state.id, Math.max(state.place, places.get(state.id) ?? -1))
  }
  return places
}

/** Whether the ending lies in this past. */
function holdsEnding(past, ending, register) {
  if (ending.moment.index <= past.partyIndex) return true
  if (!ending.act.row.spine) return false
  const { organ } = ending.act.said, state = register.spines.at.get(place(organ, ending.act.id))
  return Boolean(state) && past.places.has(organ) && state.place <= past.places.get(organ)
}

const ENDED = ['dismissed', 'revoked', 'suspended', 'withdrawn', 'objected'].map(how => `standing.${how}`)

/** Refuse unless the signature stands in the ratification's past, or the ratification confirms it. */
function checkRatified(dossier, signature, past, by, confirmed) {
  const { act, mandate, moment } = signature, { power } = act.row, register = dossier.around.register(by.party)
  if (signature.withdrawn) refuse('dossier.overtaken')
  if (by.moment.time >= act.said.deadline) refuse('dossier.late')
  if (moment.index > past.dossierIndex) refuse('consent.past')
  if (confirmed.has(act.id) && signature.void) return
  if (mandate.chain.some(link => link.logged.index > past.partyIndex)) refuse('consent.past')
  if (act.kind !== 'sign-ad-referendum') refuse('consent.signature')
  const { organ } = act.said
  if (!register.spines.heads.has(organ) || !register.spines.governs(organOf(by), organ)) refuse('consent.organ')
  // Only its mandate had ended since.
  if (confirmed.has(act.id)) return
  if (signature.void && !ENDED.includes(signature.void.reason)) refuse(signature.void.reason)
  // A suspension that nobody confirmed never outweighs a ratification.
  const counts = ending => holdsEnding(past, ending, register) && !register.unconfirmed(ending)
  if (signature.void) register.checkStanding(mandate, power, moment, counts)
  for (const link of mandate.chain) {
    for (const ending of register.endings.get(link.id) ?? []) {
      const stands = counts(ending) && register.ends(ending, link.organ)
      if (stands && register.works(ending, power, by.moment)) refuse(ending.reason)
    }
  }
  // The spines up to the ratification may hold an ending that this ledger was never told of.
  for (const { target, one, organ: ends, at } of register.home ? register.home.endings() : []) {
    const known = mandate.chain.some(link => link.id === target) && at <= (past.homePlaces.get(ends) ?? -1)
    if (known && register.ends(one, mandate.organ) && power & one.stops) refuse(one.reason)
  }
}

const CURABLE = ['standing.', 'line.', 'bounds.']
const CONFIRMABLE = ['adopt', 'initial', ...SIGNING]

/** The acts on the text that the ratification confirms; those on the way to it count from now on. */
function confirm(dossier, act, by) {
  const register = dossier.around.register(by.party), confirmed = new Map()
  for (const id of act.said.confirms ?? []) {
    const outcome = dossier.outcomes.get(id), reason = outcome?.void?.reason
    let mandate = null
    if (outcome && outcome.party === by.party && CONFIRMABLE.includes(outcome.act.kind)) {
      const curable = !reason || (reason !== 'bounds.stranger' && CURABLE.some(word => reason.startsWith(word)))
      if (outcome.act.said.text === act.said.text && curable) mandate = register.mandate(outcome.act.said.by)
    }
    if (!mandate || !register.spines.governs(by.organ.id, mandate.organ)) refuse('consent.confirmed')
    if (reason && !SIGNING.has(outcome.act.kind)) perform(dossier, outcome.act, { ...by, mandate, organ: null })
    confirmed.set(id, outcome)
  }
  return confirmed
}

function refuseText(dossier, act, by, paper) {
  const bound = dossier.around.boundAnywhere(paper.digest, by.party, by.moment)
  if (bound) refuse('dossier.overtaken')
  if (bound === null) dossier.doubt(paper.digest)
  const consent = paper.consent(by.party), { spines } = dossier.around.register(by.party)
  for (const signature of consent.signatures.filter(one => waits(one, by.moment))) {
    const referred = signature.act.said.organ
    if (spines.heads.has(referred) && !spines.governs(organOf(by), referred)) refuse('consent.organ')
  }
  const state = changeConsent(dossier, paper, 'refuse', by)
  Object.assign(consent, { state, act, moment: by.moment })
}

/** Refuse where the text does not let this party accede. */
export function checkOpenTo(dossier, digest, party) {
  const clauses = dossier.readableClauses(digest)
  if (clauses?.openTo && !clauses.openTo.has(party)) refuse('consent.not-open-to')
}

function accede(dossier, act, by, paper) {
  readPast(dossier, act, by)
  checkOpen(dossier, paper, by.moment)
  checkOpenTo(dossier, paper.digest, by.party)
  const consent = paper.consent(by.party)
  checkNotRefused(dossier, paper, by)
  const state = changeConsent(dossier, paper, 'accede', by)
  checkOrganLines(dossier, act, by.organ)
  const reserves = checkReserves(dossier, act)
  const subjectTo = dossier.around.register(by.party).spines.answersTo(by.organ, Power.RATIFY)
  Object.assign(consent, { state, act, moment: by.moment, reserves, subjectTo })
}

function apply(dossier, act, by, paper) {
  checkOpen(dossier, paper, by.moment)
  const clauses = dossier.readableClauses(paper.digest)
  if (clauses && !clauses.provisional) refuse('consent.not-provisional')
  checkNotRefused(dossier, paper, by)
  const consent = paper.consent(by.party), before = dossier.consentState(paper, by.party, by.moment)
  const following = moved(CONSENT_TABLE, before, 'apply')
  checkOrganLines(dossier, act, by.organ)
  if (!BINDING.has(consent.state)) consent.state = following
  consent.appliesUntil = act.said.until ?? Infinity
  if (before !== following) consent.appliesSince = by.moment
}

function stopApplying(dossier, act, by, paper) {
  const consent = paper.consent(by.party)
  consent.state = changeConsent(dossier, paper, 'stop-applying', by)
}

function objectReservation(dossier, act, by, paper) {
  const consents = [...paper.consents.values()]
  const reserving = consents.some(consent =>
    consent.act?.id === act.said.about && consent.reserves.length && consent.party !== by.party)
  if (!reserving) refuse('dossier.unknown-reservation')
}

// Its end.

function checkBound(dossier, paper, party, moment) {
  if (!dossier.bound(paper.digest, party, moment)) refuse('dossier.not-bound')
}

function denounce(dossier, act, { party, moment }, paper) {
  checkBound(dossier, paper, party, moment)
  if (paper.denunciations.some(notice => notice.party === party && !notice.withdrawn)) refuse('dossier.repeated')
  const clauses = dossier.readableClauses(paper.digest)
  if (clauses && clauses.term.noticeDays === null) refuse('dossier.no-denunciation')
  if (clauses && clauses.term.earliest !== null && moment.time < clauses.term.earliest) refuse('dossier.too-early')
  paper.denunciations.push({ party, moment, withdrawn: false })
}

function withdrawDenunciation(dossier, act, { party, moment }, paper) {
  const running = paper.denunciations.find(notice =>
    notice.party === party && !notice.withdrawn && moment.time < dossier.effective(paper, notice))
  if (!running) refuse('dossier.overtaken')
  running.withdrawn = true
}

function breach(dossier, act, { party, moment }, paper) {
  const { attributed } = act.said
  checkBound(dossier, paper, party, moment)
  if (attributed) checkBound(dossier, paper, attributed, moment)
  paper.breaches.set(act.id, { act, moment })
}

/** Record a consequence that the text provided before the breach. A private person's breach ends nothing. */
function remedy(dossier, act, { party, moment }, paper) {
  const alleged = paper.breaches.get(act.said.breach)
  if (!alleged) refuse('dossier.unknown-breach')
  checkBound(dossier, paper, party, moment)
  const clauses = dossier.readableClauses(paper.digest), { attributed, article } = alleged.act.said
  if (clauses) {
    const chosen = clauses.remedies[act.said.remedy]
    if (!chosen || chosen.article !== article) refuse('dossier.no-remedy')
    if (!attributed && ['suspend', 'end'].includes(chosen.does)) refuse('dossier.private-breach')
    if (attributed === party || (chosen.by && !chosen.by.has(party))) refuse('dossier.not-entitled')
    if (moment.time < alleged.moment.time + chosen.cureDays * DAY_SECONDS) refuse('dossier.cure-time')
  }
  paper.remedies.push({ act, moment, between: new Set([party, attributed]) })
}

const HANDLERS = {
  join, acknowledge, reveal, close, propose, reject, withdraw, adopt, ratify, accede, apply, denounce, breach, remedy,
  'say': () => {},
  'publish': () => {},
  'invite': () => {},
  'suspend-talks': (dossier, act) => { dossier.suspendedUntil = act.said.until },
  'resume-talks': dossier => { dossier.suspendedUntil = -Infinity },
  'initial': (dossier, act, by, paper) => authenticate(dossier, paper, by),
  'sign-ad-referendum': sign,
  'conclude': sign,
  'withdraw-signature': withdrawSignature,
  'refuse': refuseText,
  'stop-applying': stopApplying,
  'object-reservation': objectReservation,
  'withdraw-denunciation': withdrawDenunciation,
}

/** Apply an act that its speaker may do. */
export function perform(dossier, act, by) {
  const paper = act.said.text && act.kind !== 'propose' ? dossier.paper(act.said.text) : null
  HANDLERS[act.kind](dossier, act, by, paper)
}
