// Runs the verifier's law under Node. Reads lines of JSON from standard input and answers each with a line of JSON:
//
//   {"vectors": FILE, "only"?: [ID]}             a file of spec/vectors about worlds: {case id: {acts, answers}}
//   {"world": CASE}                              one such case: {acts, answers}; `named`: texts by digests not theirs
//   {"bundle": HEX, "trust": {HEX: TEXT}, "policy"?, "at"?}   the report on a bundle
//
// tests/test_verifier_law.py compares the answers with core's.

import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const folder = process.argv[2] ?? new URL('../../src/pourparler/web/verifier/', import.meta.url).href
const load = async name => import(new URL(`${name}.js`, folder))
const { canonical, unhex, utf8 } = await load('encoding')
const { PourparlerError } = await load('errors')
const { settled } = await load('signing')
const { parseAct } = await load('act')
const { parseText, textDigest } = await load('redline')
const { parsePolicy } = await load('ledger')
const { HomeView } = await load('authority')
const { readDepositary } = await load('council')
const { Registry } = await load('registry')
const { verify } = await load('evidence')

function comeOf(registry, row) {
  try {
    const outcome = registry.admit(parseAct(unhex(row.act)), { index: canonical(BigInt(row.index)), time: row.time })
    return outcome.void ? { void: outcome.void.reason } : 'accepted'
  } catch (error) {
    if (!(error instanceof PourparlerError)) throw error
    return { refused: error.reason }
  }
}

function answered(registry, ask) {
  const moment = { index: ask.index, time: ask.time }, dossier = registry.dossiers.get(unhex(ask.dossier))
  const paper = ask.text && dossier.papers.get(unhex(ask.text))
  switch (ask.ask) {
    case 'dossier': return dossier.state(moment)
    case 'text': return dossier.textState(paper, moment)
    case 'consent': return dossier.consentState(paper, unhex(ask.party), moment)
    case 'effect': {
      const effect = dossier.effect(unhex(ask.text), ...ask.parties.map(unhex), moment)
      return [effect.state, effect.since ?? null, effect.until ?? null]
    }
    default: return 'not asked of a verifier'
  }
}

function folded(cases, one) {
  const worlds = []
  for (let world = one; world; world = cases.get(world.after)) worlds.unshift(world)
  const texts = new Map(worlds.flatMap(world => world.texts ?? []).map(unhex).map(data => [textDigest(data), parseText(data)]))
  for (const [name, data] of Object.entries(one.named ?? {})) texts.set(unhex(name), parseText(unhex(data)))
  const { origin, key } = worlds[0].ledger, { home } = worlds[0]
  const homes = new Map()
  if (home) {
    for (const [party, register] of folded(cases, cases.get(home)).registry.registers) {
      homes.set(party, new HomeView([register]))
    }
  }
  const registry = new Registry(readDepositary({ origin, key: unhex(key) }), texts, homes, false)
  const asks = [...one.asks ?? []], acts = [], answers = []
  for (const row of worlds.flatMap(world => world.acts)) {
    while (asks.length && asks[0].index < row.index) answers.push(answered(registry, asks.shift()))
    acts.push(comeOf(registry, row))
  }
  while (asks.length) answers.push(answered(registry, asks.shift()))
  return { registry, acts, answers }
}

async function worlds(file, only) {
  const cases = new Map(JSON.parse(readFileSync(file, 'utf8')).cases.map(one => [one.id, one]))
  const found = {}
  for (const id of only ?? cases.keys()) {
    const one = cases.get(id)
    const { acts, answers } = await settled(() => folded(cases, one))
    found[id] = { acts, answers }
  }
  return found
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line)
  let answer
  if (asked.vectors) {
    answer = await worlds(asked.vectors, asked.only)
  } else if (asked.world) {
    const { acts, answers } = await settled(() => folded(new Map(), asked.world))
    answer = { acts, answers }
  } else {
    const policy = asked.policy === undefined ? null : await settled(() => parsePolicy(utf8(asked.policy)))
    answer = await verify(unhex(asked.bundle), { parties: asked.trust, policy }, asked.at ?? null)
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
