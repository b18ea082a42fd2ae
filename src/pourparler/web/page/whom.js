// Whom the reader means: which ids he was told, and how. No page can know that.

import { colon, say } from './words.js'
import { el, foreign, quoted, wholeId } from './nodes.js'
import { titleOf } from './names.js'

const { hex } = pourparler.modules.encoding
const ID = /^[0-9a-f]{64}$/

// By id in hex, of each party or ledger key that the claim names: what the reader has typed, ticked and said.
const told = new Map()

function toldOf(id) {
  if (!told.has(id)) told.set(id, { typed: '', ticked: false, how: '' })
  return told.get(id)
}

const typedId = id => toldOf(id).typed.replace(/[\s:.-]/g, '').toLowerCase()

/** Whether the reader says that he knows this very id. */
export const isKnown = id => toldOf(id).ticked || typedId(id) === id

/** The parties that the reader trusts: ids that he compared, or pasted, also such as nobody here has. */
export function trusted(ids) {
  const found = {}
  for (const id of ids) {
    const typed = typedId(id), { ticked, how } = toldOf(id)
    if (ID.test(typed)) found[typed] = how.trim() || say('known-how')
    if (ticked) found[id] = how.trim() || say('compared-how')
  }
  return found
}

function statusOf(id, others) {
  const typed = typedId(id)
  if (!typed) return ['', '']
  if (typed === id) return [say('matches'), 'ok']
  if (!ID.test(typed)) return [say('incomplete', { count: typed.length }), 'unsure']
  return [say(others.includes(typed) ? 'matches-other' : 'differs'), 'bad']
}

/** A form for each party of the claim, or for its ledger; `changed` is called when the reader has done something. */
export function whomNodes(claim, changed) {
  if (!claim) return []
  const recorded = claim.kind === 'recorded', rows = recorded ? [claim.ledger.key] : claim.parties
  const person = (id, at) => personNode(id, at, {
    others: rows.filter(other => other !== id).map(hex), title: recorded ? claim.ledger.origin : titleOf(id), recorded,
    changed,
  })
  return [el('p', {}, say(recorded ? 'whom-ledger' : 'whom-lead')), ...rows.map(person)]
}

function personNode(id, at, { others, title, recorded, changed }) {
  const name = hex(id), one = toldOf(name), status = el('p', { role: 'status', id: `status-${at}` })
  const tell = () => {
    const [words, style] = statusOf(name, others)
    status.textContent = words
    status.className = `status ${style}`
  }
  const field = (what, type, more) => el('input', { id: `${what}-${at}`, type, autocomplete: 'off', ...more })
  const taking = (what, read) => ({ oninput: ({ target }) => {
    one[what] = read(target)
    tell()
    changed()
  } })
  const typing = { 'autocapitalize': 'off', 'spellcheck': 'false', 'aria-describedby': `status-${at}` }
  const called = () => [recorded ? '' : `${say('calls-itself')} `, foreign(quoted(title))]
  tell()
  return el('fieldset', { class: 'card' },
    el('legend', {}, title === null ? say('not-shown') : called()),
    el('p', {}, `${say(recorded ? 'key-of-ledger' : 'id-of-party')}${colon()}`, wholeId(id)),
    el('label', { for: `id-${at}` }, say('paste')),
    field('id', 'text', { value: one.typed, ...typing, ...taking('typed', ({ value }) => value) }), status,
    el('label', { class: 'check' },
      field('tick', 'checkbox', { checked: one.ticked, ...taking('ticked', ({ checked }) => checked) }), say('tick')),
    el('label', { for: `how-${at}` }, say('how')),
    field('how', 'text', { placeholder: say('how-example'), value: one.how, ...taking('how', ({ value }) => value) }))
}
