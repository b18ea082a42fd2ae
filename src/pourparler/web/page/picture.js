// How it came about, as a picture: time runs downward, each party has a column for its organs and one for its envoys,
// and each act is a sign in its column with words beside it. The same acts stand as a list in the next section.

import { clock, colon, day, duration, listed, number, say } from './words.js'
import { clean, el, section, short, svg } from './nodes.js'
import { partyNode, partyText, stage, textText } from './names.js'
import { byIndex, doesText, speakerText, voidText } from './acts.js'

const { BINDING } = pourparler.modules.dossier
const { Issuer } = pourparler.modules.act

const ROWS_MOST = 120
const GAP_SECONDS = 2 * 86_400
const FONT = '13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif'
const WIDE = { width: 720, left: 152, step: 24, lanes: 6, dated: false }
// As wide as the screen, less the margins beside and around it.
const NARROW = { margins: 34, left: 4, step: 20, lanes: 4, dated: true }
const LINE = 17

const WEIGHTY = new Set([
  'ratify', 'conclude', 'accede', 'refuse', 'denounce', 'dismiss', 'urgent-dismiss', 'sign-ad-referendum', 'remedy',
  'breach', 'withdraw-signature', 'suspend', 'close', 'withdraw-denunciation',
])
const LIGHT = new Set([
  'beacon', 'vote', 'say', 'acknowledge', 'query', 'reply', 'certify', 'question', 'answer', 'deliberate', 'dissent',
  'appoint', 'initial', 'publish', 'call', 'decide', 'elect', 'constitute',
])
const ORGANS = new Set([Issuer.ORGAN, Issuer.URGENT, Issuer.MEMBER, Issuer.RECOVERY, Issuer.BEACON])

// --- what is in it

/** The acts of the claim's parties and talks, in the order of the ledger. */
function chosen() {
  const { claim, registry } = stage, all = [...registry.outcomes.values()].sort(byIndex)
  const recorded = registry.outcomes.get(claim.act)
  const dossier = registry.dossiers.get(claim.dossier ?? recorded?.act.said.dossier)
  const consenting = [...(dossier?.papers.values() ?? [])].flatMap(({ consents }) => [...consents.keys()])
  const speaking = recorded ? [recorded.party] : []
  const about = new Set([...claim.parties, ...(dossier?.parties ?? []), ...consenting, ...speaking])
  const isHere = act => !dossier || !act.row.dossier || act.id === dossier.id || act.said.dossier === dossier.id
  const part = all.filter(({ act, party }) => about.has(party) && isHere(act))
  return { part, rest: all.length - part.length, parties: [...about] }
}

const side = ({ act }) => (ORGANS.has(act.issuer) ? 0 : 1)

function weightOf({ act, void: hollow }) {
  const { text } = stage.claim
  if (text && act.said.text === text) return WEIGHTY.has(act.kind) || act.kind === 'adopt' ? 4 : 3
  if (WEIGHTY.has(act.kind) || hollow) return 2
  return LIGHT.has(act.kind) ? 0 : 1
}

/** What an act can share a row with; null where it stands alone. */
function fellow(outcome) {
  if (outcome.void || weightOf(outcome) > 2) return null
  const sort = LIGHT.has(outcome.act.kind) ? 'light' : outcome.act.kind
  return `${sort} ${partyText(outcome.party)} ${side(outcome)} ${day(outcome.moment.time)}`
}

/** Rows: an act, or several in a row by one side, on one day, that are light or of one kind. */
function rowsOf(part) {
  const rows = []
  for (const outcome of part) {
    const like = fellow(outcome), last = rows.at(-1)
    if (like && last?.like === like) last.outcomes.push(outcome)
    else rows.push({ like, outcomes: [outcome], moment: outcome.moment, weight: weightOf(outcome) })
  }
  return heaviest(rows)
}

/** Of a long story, the rows that weigh most. */
function heaviest(rows) {
  if (rows.length <= ROWS_MOST) return rows
  const least = rows.map(({ weight }) => weight).sort((a, b) => b - a)[ROWS_MOST - 1]
  let spare = ROWS_MOST - rows.filter(({ weight }) => weight > least).length
  return rows.filter(({ weight }) => weight > least || (weight === least && spare-- > 0))
}

/** What nobody signed: entry into force, and its end. */
function computedRows() {
  const { claim, registry, moment, whole } = stage, [party] = claim.parties
  const dossier = registry.dossiers.get(claim.dossier)
  const other = claim.parties[1] ?? dossier?.parties.find(one => one !== party)
  if (!whole || !dossier || !other) return []
  try {
    const { since, until } = dossier.effect(claim.text, party, other, moment)
    const found = [['in-force', since], ['ends', until]].filter(([, time]) => Number.isFinite(time))
    return found.map(([computed, time]) => ({ computed, moment: { time } }))
  } catch {
    // What is not shown is not drawn; the section on consents says what is missing.
    return []
  }
}

const ORDER = { 'in-force': 1, 'ends': 2, 'as-of': 3 }

function inOrder(rows) {
  const earlier = ([one, first], [other, second]) => one.moment.time - other.moment.time ||
    (ORDER[one.computed] ?? 0) - (ORDER[other.computed] ?? 0) || first - second
  return rows.map((row, at) => [row, at]).sort(earlier).map(([row]) => row)
}

/** A column for each side of a party that acted; where that is too many, one for each party. */
function lanesOf(parties, rows, most) {
  const acting = rows.flatMap(({ outcomes }) => outcomes)
  const used = new Set(acting.map(one => `${parties.indexOf(one.party)} ${side(one)}`))
  const sides = parties.flatMap((party, at) =>
    [0, 1].filter(one => used.has(`${at} ${one}`)).map(one => ({ party, at, side: one })))
  return sides.length <= most ? sides : parties.map((party, at) => ({ party, at, side: null }))
}

// --- its words

function isBinding({ act, void: hollow, party }) {
  const consent = stage.registry.dossiers.get(act.said.dossier)?.papers.get(act.said.text)?.consents.get(party)
  return !hollow && Boolean(consent) && BINDING.has(consent.state) && consent.act?.id === act.id
}

function isStrong({ computed, outcomes, weight }) {
  return Boolean(computed) || (!outcomes[0].void && (weight > 3 || outcomes.some(isBinding)))
}

function wordsOf(row) {
  if (row.computed === 'as-of') return say('as-of-here', { index: number(row.moment.index) })
  return row.computed ? say(row.computed) : clean(actsInWords(row.outcomes))
}

function actsInWords(outcomes) {
  const [first] = outcomes, counts = new Map()
  for (const { act } of outcomes) counts.set(doesText(act), (counts.get(doesText(act)) ?? 0) + 1)
  if (counts.size > 1) {
    const kinds = listed([...counts].map(([does, count]) => `${does}${count > 1 ? ` ×${count}` : ''}`))
    return `${partyText(first.party)}${colon()}${say('together', { count: number(outcomes.length), kinds })}`
  }
  const what = outcomes.length > 1 ? `×${outcomes.length}` : objectOf(first.act)
  return `${speakerText(first)} ${doesText(first.act)} ${what}${first.void ? ` · ${voidText(first.void)}` : ''}`.trim()
}

function objectOf({ said: { text, mandate, target } }) {
  const other = mandate ?? target
  return text ? textText(text) : other ? short(other) : ''
}

const canvas = document.createElement('canvas').getContext('2d')

/** A text in lines that fit, three at most. */
function wrapped(text, width, bold) {
  canvas.font = bold ? `650 ${FONT}` : FONT
  const lines = ['']
  for (const piece of text.split(/(?<=\s)/).flatMap(word => word.match(/.{1,24}/gsu) ?? [])) {
    if (lines.at(-1) && canvas.measureText((lines.at(-1) + piece).trimEnd()).width > width) lines.push('')
    lines[lines.length - 1] += piece
  }
  const fitting = lines.map(line => line.trimEnd()).filter(Boolean)
  return fitting.length <= 3 ? fitting : [...fitting.slice(0, 2), `${fitting[2].slice(0, -2)}…`]
}

// --- how it is drawn

/** A square for organs, a circle for envoys; hollow and crossed out where void, ringed where it binds. */
function sign(x, y, { organs, hollow, binding }) {
  const square = (r, style) => svg('rect', { x: x - r, y: y - r, width: 2 * r, height: 2 * r, class: style })
  const circle = (r, style) => svg('circle', { cx: x, cy: y, r, class: style }), shape = organs ? square : circle
  return [binding && shape(9, 'p-ring'), shape(5.5, hollow ? 'p-hollow' : binding ? 'p-binding' : 'p-dot'),
    hollow && svg('path', { d: `M${x - 6} ${y - 6}l12 12m0 -12l-12 12`, class: 'p-cross' })]
}

function legend(parties) {
  const hidden = { 'width': 22, 'height': 22, 'class': 'picture-sign', 'aria-hidden': 'true' }
  const item = (how, words) => el('li', {}, svg('svg', hidden, sign(11, 11, how)), ' ', words)
  return el('ul', { class: 'legend' },
    parties.map((party, at) => el('li', {}, el('strong', {}, `${at + 1} `), partyNode(party))),
    item({ organs: true }, say('organs')), item({}, say('envoys')),
    item({ binding: true, organs: true }, say('key-binding')), item({ hollow: true }, say('key-void')))
}

export function pictureSection() {
  const { part, rest, parties } = chosen()
  if (!part.length) return null
  const screen = document.documentElement.clientWidth, rows = rowsOf(part)
  const layout = screen < 600 ? { ...NARROW, width: screen - NARROW.margins } : WIDE
  const lanes = lanesOf(parties, rows, layout.lanes), asOf = { computed: 'as-of', moment: stage.moment }
  const drawn = rows.reduce((sum, { outcomes }) => sum + outcomes.length, 0)
  const remark = (name, parts) => el('p', { class: 'small' }, say(name, parts))
  return section('timeline', say('timeline'), legend(parties),
    draw(inOrder([...rows, ...computedRows(), asOf]), lanes, layout),
    drawn < part.length && remark('too-long', { count: number(part.length), shown: number(drawn) }),
    rest > 0 && remark('elsewhere', { count: number(rest) }))
}

/** A text in the picture; a class gives it its look. */
const written = (x, y, style, text, anchor = null) => svg('text', { x, y, 'class': style, 'text-anchor': anchor }, text)

function draw(rows, lanes, layout) {
  const { left, step, width } = layout, columns = lanes.map((_, at) => left + 12 + at * step)
  const place = { ...layout, columns, lanes, words: left + 16 + lanes.length * step }, parts = []
  let y = 34, before = null
  for (const row of rows) {
    const { time } = row.moment, gap = before === null ? 0 : time - before
    if (gap >= GAP_SECONDS && row.computed !== 'as-of') {
      parts.push(written(place.words, y + 16, 'p-gap', say('later', { age: duration(gap) })))
      y += 24
    }
    const when = `${layout.dated || before === null || day(before) !== day(time) ? `${day(time)} ` : ''}${clock(time)}`
    const lines = wrapped(`${layout.dated ? `${when} · ` : ''}${wordsOf(row)}`, width - place.words - 8, isStrong(row))
    parts.push(rowParts(row, lines, { ...place, middle: y + 14, when: layout.dated ? null : when }))
    y += Math.max(26, lines.length * LINE + 8)
    before = time
  }
  const heads = lanes.map(({ at, side: one }, lane) =>
    written(columns[lane], 20, 'p-head', `${at + 1}${{ 0: '■', 1: '●' }[one] ?? ''}`, 'middle'))
  const threads = columns.map(x => svg('path', { d: `M${x} 28V${y}`, class: 'p-thread' }))
  const about = { 'class': 'picture', 'role': 'img', 'aria-label': say('timeline-desc') }
  return svg('svg', { viewBox: `0 0 ${width} ${y + 8}`, ...about }, threads, heads, parts)
}

function rowParts(row, lines, { columns, lanes, left, middle, when, words }) {
  const [one] = row.outcomes ?? [], style = one?.void ? 'p-void' : isStrong(row) ? 'p-strong' : ''
  const told = lines.map((line, at) => written(words, middle + 4 + at * LINE, style, line))
  const date = when && written(left - 8, middle + 4, 'p-date', when, 'end')
  if (row.computed) {
    const line = svg('path', { d: `M${columns[0] - 10} ${middle}H${words - 6}`, class: `p-line p-${row.computed}` })
    return [line, date, told]
  }
  const lane = lanes.findIndex(({ party, side: here }) => party === one.party && (here === null || here === side(one)))
  const how = { organs: ORGANS.has(one.act.issuer), hollow: one.void, binding: row.outcomes.some(isBinding) }
  return [date, sign(columns[lane], middle, how), told]
}
