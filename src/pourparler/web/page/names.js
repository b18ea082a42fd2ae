// What parties, organs, keys and texts are called: by their own words, in quotation marks, for names prove nothing.

import { either, say, tell } from './words.js'
import { clean, foreign, idNode, quoted, short } from './nodes.js'

const TITLE_MOST = 60
const BEGINS_MOST = 48

/** What is shown of the examination that the page goes by; `whole` where steps 1 to 9 passed, so nothing is missing. */
export const stage = { registry: null, claim: null, moment: null, whole: false }

const cut = (text, most) => (text.length <= most ? text : `${text.slice(0, most - 1).trimEnd()}…`)

// Each name as plain text, for pictures, and as nodes.

export const titleOf = party => stage.registry?.registers.get(party)?.spines.party.name ?? null

export function partyText(party) {
  const title = titleOf(party)
  return title === null ? say('party', { id: short(party) }) : quoted(cut(title, TITLE_MOST))
}

export function partyNode(party) {
  const title = titleOf(party)
  return title === null ? tell('party', { id: idNode(party) }) : foreign(quoted(cut(title, TITLE_MOST)))
}

function organFound(organ) {
  const party = stage.registry?.partyOfOrgan.get(organ), spines = stage.registry?.registers.get(party)?.spines
  return spines ? { party, name: quoted(spines.organ(organ).name) } : null
}

export function organText(organ) {
  const found = organFound(organ)
  if (!found) return say('organ', { id: short(organ) })
  return say('organ-of', { name: found.name, party: partyText(found.party) })
}

export function organNode(organ) {
  const found = organFound(organ)
  if (!found) return tell('organ', { id: idNode(organ) })
  return tell('organ-of', { name: foreign(found.name), party: partyNode(found.party) })
}

export const keyText = key => say('key', { id: short(key) })
export const keyNode = key => tell('key', { id: idNode(key) })

/** How a text begins, in the reader's language if it has it. */
function beginning(digest) {
  const text = stage.registry?.texts.get(digest)
  if (!text) return ''
  const own = text.articles.get(either('en', 'fr'))
  const first = [own, ...text.articles.values()].find(articles => articles?.length)
  return first ? quoted(cut(first[0], BEGINS_MOST)) : ''
}

export const textText = digest => clean(say('text-called', { id: short(digest), begins: beginning(digest) })).trim()

export function textNode(digest, begins = false) {
  return tell(begins ? 'Text-called' : 'text-called', { id: idNode(digest), begins: foreign(beginning(digest)) })
}

/** Whatever an id is of: a party, an organ, a text, a mandate, an act. */
export function anyNode(id) {
  const { registry } = stage
  if (registry.registers.has(id)) return partyNode(id)
  if (registry.partyOfOrgan.has(id)) return organNode(id)
  if (registry.texts.has(id)) return textNode(id)
  return idNode(id)
}
