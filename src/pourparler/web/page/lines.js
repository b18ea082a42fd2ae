// Red lines, terms and powers as people read them.

import { POWERS, either, instant, listed, say, tell, word } from './words.js'
import { clean, foreign, idNode, quoted } from './nodes.js'

const { Power } = pourparler.modules.act
const { amount } = pourparler.modules.redline
const INSTANT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}Z)?$/

// {be} is a demand, or within "it must not be so that" a fact.
const SENTENCES = {
  'equal': ['{path} {be} {wanted}', '{path} {be} {wanted}'],
  'not-equal': ['{path} {be not} {wanted}', '{path} {be not} {wanted}'],
  'one-of': ['{path} {be} one of {wanted}', '{path} {be} l\'un de {wanted}'],
  'none-of': ['{path} {be} none of {wanted}', '{path} {be not} l\'un de {wanted}'],
  'at-least': ['{path} {be} at least {wanted}', '{path} {be} au moins {wanted}'],
  'at-most': ['{path} {be} at most {wanted}', '{path} {be} au plus {wanted}'],
  'before': ['{path} {be} before {wanted}', '{path} {be} avant {wanted}'],
  'after': ['{path} {be} after {wanted}', '{path} {be} après {wanted}'],
  'present': ['{path} {be} stated', '{path} {be} indiqué'],
  'absent': ['{path} {be not} stated', '{path} {be not} indiqué'],
}
const VERBS = {
  demand: { 'be': ['must be', 'doit être'], 'be not': ['must not be', 'ne doit pas être'] },
  fact: { 'be': ['is', 'est'], 'be not': ['is not', 'n\'est pas'] },
}

const NOT = {
  demand: ['it must not be so that ({})', 'il ne faut pas que soit vrai : ({})'],
  fact: ['it is not so that ({})', 'il est faux que : ({})'],
}
const JOINS = { all: [' and ', ' et '], any: [' or ', ' ou '] }

/** A red line as a sentence that demands. Of lines within lines, each stands in brackets. */
export function sentence(line, mood = 'demand') {
  const { operator, path, members } = line
  if (operator === 'not') return word(NOT, mood).replace('{}', () => sentence(members[0], 'fact'))
  if (Object.hasOwn(JOINS, operator)) {
    const inner = members.map(member => sentence(member, mood))
    return inner.length === 1 ? inner[0] : inner.map(one => `(${one})`).join(word(JOINS, operator))
  }
  const wanted = (members.length ? members.map(member => member.wanted) : [line.wanted]).map(written).join(', ')
  const verbs = VERBS[mood], parts = { path, wanted, 'be': word(verbs, 'be'), 'be not': word(verbs, 'be not') }
  return word(SENTENCES, operator).replace(/\{([\w ]+)\}/g, (_, name) => parts[name])
}

/** A value of the terms, or of a line, on one line. */
export function written(value) {
  if (value === null) return either('nothing', 'rien')
  if (typeof value === 'boolean') return value ? either('yes', 'oui') : either('no', 'non')
  if (value instanceof Uint8Array) return `h'${pourparler.modules.encoding.hex(value)}'`
  if (Array.isArray(value)) return value.map(one => (typeof one === 'string' ? clean(one) : written(one))).join(' ')
  if (value instanceof Map) return [...value].map(([name, one]) => `${clean(name)} ${written(one)}`).join(', ')
  if (typeof value !== 'string') return String(value)
  return amount(value) || INSTANT.test(value) ? value : quoted(value)
}

/** Terms, or other data, as rows of a dotted path and its value. */
export function flattened(value, path = '') {
  if (!(value instanceof Map)) return [[path, valueNode(value)]]
  if (!value.size) return [[path, either('(empty)', '(vide)')]]
  return [...value].flatMap(([name, one]) => flattened(one, path ? `${path}.${name}` : name))
}

function valueNode(value) {
  if (value instanceof Uint8Array && value.length === 32) return idNode(value)
  if (Array.isArray(value) && value.some(one => one instanceof Uint8Array)) {
    return value.flatMap((one, at) => [at ? ' ' : '', valueNode(one)])
  }
  return foreign(typeof value === 'string' ? clean(value) : written(value))
}

const INSTANTS = ['until', 'open_from', 'earliest']

/** As `flattened`, for a text's clauses: in words where they can be read, and as they stand where nobody can read them. */
export function clauseRows({ clauses, stated }) {
  const rows = flattened(clauses)
  return stated instanceof Error ? rows : rows.map(([path, value]) => {
    const given = path.split('.').reduce((map, step) => (map instanceof Map ? map.get(step) : map), clauses)
    if (path === 'force.when') return [path, conditionNode(given)]
    if (path === 'force.then') return [path, given.map(stepInWords).join(', ')]
    return [path, INSTANTS.includes(path.split('.').at(-1)) && typeof given === 'number' ? instant(given) : value]
  })
}

function conditionNode([rule, operand]) {
  return tell(`force-${rule}`, { what: operand === undefined ? '' : valueNode(operand) })
}

const stepInWords = ([rule, given]) => say(`then-${rule}`, { what: rule === 'at' ? instant(given) : given })

export function powersInWords(powers) {
  const names = Object.keys(Power).filter(name => powers & Power[name])
  return listed(names.map(name => word(POWERS, name.toLowerCase().replaceAll('_', '-'))))
}
