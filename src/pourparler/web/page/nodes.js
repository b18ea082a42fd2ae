// Making elements. Whatever a bundle says goes into the page as text and as nothing else.

import { colon, say } from './words.js'

const SVG = 'http://www.w3.org/2000/svg'
const hex = bytes => pourparler.modules.encoding.hex(bytes)

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value)
    else if (value === true) node.setAttribute(name, '')
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value)
  }
  node.append(...children.flat(Infinity).filter(child => child || child === 0))
  return node
}

/** An element with attributes (of functions, named onEVENT, listeners) and children: texts, nodes, lists of them. */
export function el(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children)
}

export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children)
}

const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** Foreign text with whatever could hide in it, or turn it around, replaced. */
export const clean = text => text.replace(HIDDEN, '\ufffd')
/** As `clean`, for text in which lines may end. */
export const cleanLines = text => text.split('\n').map(clean).join('\n')

const QUOTES = /["“”„‟«»″〝〞＂]/g
/** Foreign text in quotation marks that nothing in it can close. */
export const quoted = text => `“${clean(text).replace(QUOTES, '\'')}”`

/** Foreign text that keeps its reading direction to itself. */
export const foreign = text => el('bdi', {}, text)

export const short = bytes => `${hex(bytes).slice(0, 8)}…`

/** An id: its beginning on the screen, the whole of it on paper and for who points at it. */
export function idNode(bytes) {
  const whole = hex(bytes)
  return el('span', { class: 'id', title: whole }, el('code', {}, whole.slice(0, 8),
    el('span', { class: 'dots' }, '…'), el('span', { class: 'rest' }, whole.slice(8))))
}

/** An id, whole, in groups that an eye can follow; who copies it copies no spaces. */
export function wholeId(bytes) {
  const groups = hex(bytes).match(/.{1,8}/g)
  return el('code', { class: 'whole' }, groups.map(group => el('span', {}, group)))
}

export const MARKS = { 'VALID': '✓', 'INVALID': '✗', 'CANNOT TELL': '?', 'NOT REACHED': '·', 'if': '✓' }
const STYLES = { 'VALID': 'ok', 'INVALID': 'bad', 'CANNOT TELL': 'unsure', 'NOT REACHED': 'dim', 'if': 'maybe' }
export const styleOf = verdict => STYLES[verdict]

/** A sign and, for who does not see it, its word. */
export function mark(verdict) {
  return [el('span', { 'class': `mark ${styleOf(verdict)}`, 'aria-hidden': 'true' }, MARKS[verdict]),
    el('span', { class: 'unseen' }, `${say(`mark-${verdict}`)}${colon()}`)]
}

export function section(id, title, ...children) {
  return el('section', { id, 'aria-labelledby': `${id}-title` }, el('h2', { id: `${id}-title` }, title), ...children)
}
