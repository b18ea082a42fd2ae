// How it came about, as a picture: time runs downward, each party has a column for its organs and one for its envoys,
// and each act is a sign in its column with words beside it. The same acts stand as a list in the next section.

import { DOES, day, clock, duration, listed, number, say, word } from './words.js'
import { clean, el, section, svg } from './nodes.js'
import { partyNode, partyText, stage, textText } from './names.js'
import { byIndex, doesText, speakerText, voidText } from './acts.js'

const { BINDING } = pourparler.modules.dossier
const { Issuer } = pourparler.modules.act

const ROWS_MOST = 120
const WEIGHTY = new Set([
  'ratify', 'conclude', 'accede', 'refuse', 'denounce', 'dismiss', 'urgent-dismiss', 'sign-ad-referendum', 'remedy', 'breach',
  'withdraw-signature', 'suspend', 'close', 'withdraw-denunciation',
])
const LIGHT = new Set([
  'beacon', 'vote', 'say', 'acknowledge', 'query', 'reply', 'certify', 'question', 'answer', 'deliberate', 'dissent', 'appoint',
  'initial', 'publish', 'call', 'decide', 'elect', 'constitute',
])
const WIDTH = 720, NARROW = 328
const FONT = '13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif'

// --- what is in it

/** The acts of the claim's parties and talks, in the order of the ledger. */
function partAndRest() {
  const { claim, registry } = stage, all = [...registry.outcomes.values()].sort(byIndex)
  const dossier = registry.dossiers.get(claim.dossier)
  const about = new Set([...claim.parties, ...(dossier?.parties ?? [])])
  const recorded = registry.outcomes.get(claim.act)
  if (recorded) about.add(recorded.party)
  for (const paper of dossier?.papers.values() ?? []) for (const party of paper.consents.keys()) about.add(party)
  const isPart = ({ act, party }) => about.has(party) &&
    (!dossier || !act.row.dossier || act.id === dossier.id || act.said.dossier === dossier.id)
  const part = all.filter(isPart)
  return { part, rest: all.length - part.length, parties: [...about] }
}

const isOrgans = ({ act }) => [Issuer.ORGAN, Issuer.URGENT, Issuer.MEMBER, Issuer.RECOVERY, Issuer.BEACON].includes(act.issuer)
const laneOf = outcome => `${partyText(outcome.party)} ${isOrgans(outcome) ? 0 : 1}`

/** Rows: an act, or several light ones in a row by one side; of a long story, those that weigh most. */
function rowsOf(part) {
  const rows = []
  for (const outcome of part) {
    const light = LIGHT.has(outcome.act.kind) && !outcome.void, last = rows.at(-1)
    if (light && last?.light && laneOf(last.outcomes[0]) === laneOf(outcome)) last.outcomes.push(outcome)
    else rows.push({ light, outcomes: [outcome], moment: outcome.moment, weight: weightOf(outcome) })
  }
  if (rows.length <= ROWS_MOST) return rows
  const least = rows.map(({ weight }) => weight).sort((a, b) => b - a)[ROWS_MOST - 1]
  let spare = ROWS_MOST - rows.filter(({ weight }) => weight > least).length
  return rows.filter(({ weight }) => weight > least || (weight === least && spare-- > 0))
}

function weightOf({ act, void: hollow }) {
  if (act.said.text === stage.claim.text && stage.claim.text) return WEIGHTY.has(act.kind) || act.kind === 'adopt' ? 4 : 3
  return WEIGHTY.has(act.kind) || hollow ? 2 : LIGHT.has(act.kind) ? 0 : 1
}

/** What nobody signed: entry into force, its end, and the stamp that the claim is as of. */
function computedRows() {
  const { claim, registry, moment } = stage, dossier = registry.dossiers.get(claim.dossier), rows = []
  const [party, other] = claim.kind === 'in-force' ? claim.parties : [claim.parties[0], dossier?.parties.find(one => one !== claim.parties[0])]
  try {
    const { since, until } = dossier && other && claim.text ? dossier.effect(claim.text, party, other, moment) : {}
    if (since !== undefined && since !== null) rows.push({ computed: 'in-force', moment: { time: since } })
    if (until !== undefined && until !== null && Number.isFinite(until)) rows.push({ computed: 'ends', moment: { time: until } })
  } catch {
    // What is not shown is not drawn; the section on consents says what is missing.
  }
  return rows
}

// --- how it is drawn

const canvas = document.createElement('canvas').getContext('2d')
function wrapped(text, width) {
  canvas.font = FONT
  const lines = ['']
  for (const piece of text.split(/(?<=\s)/)) {
    if (lines.at(-1) && canvas.measureText(lines.at(-1) + piece).width > width) lines.push('')
    lines[lines.length - 1] += piece
  }
  const fitting = lines.map(line => line.trimEnd()).filter(Boolean)
  return fitting.length <= 3 ? fitting : [...fitting.slice(0, 2), `${fitting[2].slice(0, -1)}…`]
}

/** The signs: a square for organs, a circle for envoys; hollow and crossed out where void; ringed where it binds. */
function sign(x, y, { organs, hollow, binding }) {
  const shape = (size, style) => (organs ? svg('rect', { x: x - size, y: y - size, width: 2 * size, height: 2 * size, class: style })
    : svg('circle', { cx: x, cy: y, r: size, class: style }))
  const cross = hollow && svg('path', { d: `M${x - 6} ${y - 6}l12 12m0 -12l-12 12`, class: 'p-cross' })
  return [binding && shape(9, 'p-ring'), shape(5.5, hollow ? 'p-hollow' : binding ? 'p-binding' : 'p-dot'), cross]
}

function labelOf(row) {
  const [first] = row.outcomes
  if (row.outcomes.length > 1) {
    const counts = new Map()
    for (const { act } of row.outcomes) counts.set(act.kind, (counts.get(act.kind) ?? 0) + 1)
    const kinds = listed([...counts].map(([kind, count]) => `${word(DOES, kind)}${count > 1 ? ` ×${count}` : ''}`))
    return say('together', { count: number(row.outcomes.length), kinds })
  }
  const { text } = first.act.said
  const about = text ? ` ${textText(text)}` : ''
  return clean(`${speakerText(first)} ${doesText(first.act)}${about}${first.void ? ` · ${voidText(first.void)}` : ''}`)
}

function isBinding({ act, void: hollow, party }) {
  const consent = stage.registry.dossiers.get(act.said.dossier)?.papers.get(act.said.text)?.consents.get(party)
  return !hollow && Boolean(consent) && BINDING.has(consent.state) && consent.act?.id === act.id
}

const GAP_SECONDS = 2 * 3_600

export function pictureSection() {
  const { part, rest, parties } = partAndRest()
  if (!part.length) return null
  const rows = rowsOf(part), holder = el('div')
  const lanes = lanesOf(parties, rows)
  const asOf = { computed: 'as-of', moment: stage.moment }
  const all = inOrder([...rows, ...computedRows(), asOf])
  const narrow = Math.min(WIDTH, document.documentElement.clientWidth - 34) < 560
  holder.append(draw(all, lanes, narrow ? NARROW : WIDTH))
  return section('timeline', say('timeline'), legend(parties), holder,
    rows.reduce((sum, { outcomes }) => sum + outcomes.length, 0) < part.length &&
      el('p', { class: 'small' }, say('too-long', { count: number(part.length), shown: number(rows.length) })),
    rest ? el('p', { class: 'small' }, say('elsewhere', { count: number(rest) })) : null)
}

function inOrder(rows) {
  const order = { 'in-force': 1, 'ends': 2, 'as-of': 3 }
  return rows.map((row, at) => [row, at]).sort(([one, first], [other, second]) =>
    one.moment.time - other.moment.time || (order[one.computed] ?? 0) - (order[other.computed] ?? 0) || first - second).map(([row]) => row)
}

function lanesOf(parties, rows) {
  const used = new Set(rows.flatMap(({ outcomes }) => outcomes.map(laneOf)))
  const lanes = parties.flatMap((party, at) => [0, 1].map(side => ({ name: `${partyText(party)} ${side}`, at, side })))
  return lanes.filter(({ name }) => used.has(name))
}

function legend(parties) {
  const item = (parts, words) => el('li', {}, svg('svg', { 'width': 22, 'height': 22, 'class': 'picture-sign', 'aria-hidden': 'true' }, parts), ' ', words)
  return el('ul', { class: 'legend' },
    parties.map((party, at) => el('li', {}, el('strong', {}, `${at + 1} `), partyNode(party))),
    item(sign(11, 11, { organs: true }), say('organs')), item(sign(11, 11, {}), say('envoys')),
    item(sign(11, 11, { binding: true, organs: true }), say('key-binding')), item(sign(11, 11, { hollow: true }), say('key-void')))
}

function draw(rows, lanes, width) {
  const left = width < WIDTH ? 8 : 120, step = width < WIDTH ? 20 : 24
  const laneAt = new Map(lanes.map(({ name }, at) => [name, left + 12 + at * step]))
  const words = left + 12 + lanes.length * step + 4, parts = []
  let y = 34, before = null
  for (const row of rows) {
    const { time } = row.moment, gap = before === null ? 0 : time - before
    if (gap >= GAP_SECONDS && row.computed !== 'as-of') {
      parts.push(svg('text', { x: words, y: y + 12, class: 'p-gap' }, say('later', { age: duration(gap) })))
      y += 20
    }
    const lines = labels(row, width - words - 8, width < WIDTH)
    const height = Math.max(26, lines.length * 17 + 8), middle = y + 14
    parts.push(rowParts(row, { lines, middle, words, left, laneAt, width, height, y, dated: before === null || day(before) !== day(time) }))
    y += height
    before = time
  }
  const heads = lanes.map(({ name, at, side }) => svg('text', { 'x': laneAt.get(name), 'y': 20, 'class': 'p-head', 'text-anchor': 'middle' },
    `${at + 1}${side ? '●' : '■'}`))
  const threads = lanes.map(({ name }) => svg('path', { d: `M${laneAt.get(name)} 28V${y}`, class: 'p-thread' }))
  return svg('svg', { 'viewBox': `0 0 ${width} ${y + 8}`, 'class': 'picture', 'role': 'img', 'aria-label': say('timeline-desc') }, threads, heads, parts)
}

function labels(row, width, narrow) {
  const { time } = row.moment, when = narrow ? `${day(time)} ${clock(time)} · ` : ''
  if (row.computed === 'as-of') return wrapped(when + say('as-of-here', { index: number(row.moment.index) }), width)
  if (row.computed) return wrapped(when + say(row.computed), width)
  return wrapped(when + labelOf(row), width)
}

function rowParts(row, { lines, middle, words, left, laneAt, width, dated }) {
  const { time } = row.moment, hollow = row.outcomes?.[0].void, binding = row.outcomes?.some(isBinding)
  const style = row.computed ? 'p-computed' : hollow ? 'p-void' : binding || row.weight > 3 ? 'p-strong' : 'p-words'
  const date = width < WIDTH ? null : svg('text', { 'x': left - 8, 'y': middle + 4, 'class': 'p-date', 'text-anchor': 'end' },
    `${dated ? `${day(time)} ` : ''}${clock(time)}`)
  const told = lines.map((line, at) => svg('text', { x: words, y: middle + 4 + at * 17, class: style }, line))
  if (row.computed) {
    const first = Math.min(...laneAt.values()) - 10
    return [svg('path', { d: `M${first} ${middle}H${words - 6}`, class: `p-line ${row.computed === 'as-of' ? 'p-asof' : ''}` }), date, told]
  }
  const [one] = row.outcomes
  return [date, sign(laneAt.get(laneOf(one)), middle, { organs: isOrgans(one), hollow, binding }), told]
}
