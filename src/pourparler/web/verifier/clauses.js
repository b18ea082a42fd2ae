// Mirrors core/clauses.py: what a text says of its entry into force, its term, its remedies (spec/dossier.md 5 to 7).

import { DIGEST_BYTES, isBytes, isInt, isList, isMap, isText, limits } from './encoding.js'
import { Malformed } from './errors.js'

export const DAY_SECONDS = 86_400

const wrong = what => new Malformed('text.clause', what)

function need(fits, what) {
  if (!fits) throw wrong(`${what} is not what the format has`)
}

function integer(value, what, least, most) {
  need(isInt(value) && least <= value && value <= most, what)
  return value
}

const instant = (value, what) => integer(value, what, limits.TIME_MIN, limits.TIME_MAX)
const days = (value, what) => integer(value, what, 0, 36_525)
const isId = value => isBytes(value) && value.length === DIGEST_BYTES

function names(value, what, fits) {
  need(isList(value) && value.length <= limits.IDENTIFIERS_MAX && value.every(fits), what)
  return new Set(value)
}

// Returns how to take a member of a map that has no others: by name, what reads it, and what stands for none.
function members(value, what, allowed) {
  need(isMap(value) && [...value.keys()].every(name => allowed.includes(name)), what)
  return (name, read, none) => value.has(name) ? read(value.get(name), name) : none
}

const flag = (value, what) => {
  need(typeof value === 'boolean', what)
  return value
}
const texts = (value, what) => names(value, what, isText)
const ids = (value, what) => names(value, what, isId)

export function parseClauses(value) {
  const given = members(value, 'clauses', ['force', 'term', 'scopes', 'parties', 'framework', 'open_from', 'open_to',
    'reservations', 'objection_days', 'provisional', 'remedies'])
  const force = members(given('force', one => one, new Map()), 'force', ['when', 'then'])
  const term = members(given('term', one => one, new Map()), 'term', ['until', 'tacit', 'notice_days', 'earliest'])
  return {
    condition: force('when', parseCondition, ALL),
    steps: force('then', parseSteps, []),
    term: {
      until: term('until', instant, null), tacit: term('tacit', flag, false),
      noticeDays: term('notice_days', days, null), earliest: term('earliest', instant, null),
    },
    scopes: given('scopes', texts, new Set()),
    parties: given('parties', ids, new Set()),
    framework: given('framework', (one, what) => {
      need(one === null || isId(one), what)
      return one
    }, null),
    openFrom: given('open_from', instant, null),
    openTo: given('open_to', (one, what) => one === 'any' ? null : ids(one, what), new Set()),
    reservations: given('reservations', texts, new Set()),
    objectionDays: given('objection_days', days, 0),
    provisional: given('provisional', flag, false),
    remedies: given('remedies', parseRemedies, []),
  }
}

const ALL = { rule: 'all', count: 0, names: new Set() }

function parseCondition(value, what) {
  need(isList(value), what)
  const [rule, operand] = value
  if (rule === 'all' && value.length === 1) return ALL
  need(value.length === 2, what)
  if (rule === 'count') return { ...ALL, rule, count: integer(operand, what, 1, limits.SEATS_MAX * 16) }
  need((rule === 'parties' || rule === 'scopes') && isList(operand) && operand.length, what)
  return { ...ALL, rule, names: (rule === 'parties' ? ids : texts)(operand, what) }
}

function parseSteps(value, what) {
  need(isList(value) && value.length <= 8, what)
  for (const step of value) {
    need(isList(step) && step.length === 2, what)
    if (step[0] === 'at') instant(step[1], what)
    else if (step[0] === 'days') days(step[1], what)
    else integer(step[0] === 'month' ? step[1] : null, what, 1, 1_200)
  }
  return value
}

function parseRemedies(value, what) {
  need(isList(value) && value.length <= limits.CHECKS_MAX, what)
  return value.map(remedy => {
    const given = members(remedy, 'a remedy', ['article', 'does', 'cure_days', 'by'])
    const [article, does] = [given('article', one => one), given('does', one => one)]
    need(isText(article) && ['suspend', 'end', 'publish', 'revoke'].includes(does), what)
    return { article, does, cureDays: given('cure_days', days, 0), by: given('by', ids, null) }
  })
}

export function dateOfEffect(met, steps) {
  let time = met
  for (const [word, number] of steps) {
    if (word === 'at') time = Math.max(time, number)
    else if (word === 'days') time = Math.min(time + number * DAY_SECONDS, limits.TIME_MAX)
    else time = firstOfMonth(time, number)
  }
  return time
}

function firstOfMonth(time, months) {
  const at = new Date(time * 1000)
  // Not Date.UTC(), which takes the years 0 to 99 for those of the twentieth century.
  const first = new Date(0).setUTCFullYear(at.getUTCFullYear(), at.getUTCMonth() + months, 1) / 1000
  return time >= limits.TIME_MAX || first > limits.TIME_MAX ? limits.TIME_MAX : first
}
