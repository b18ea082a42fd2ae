// Mirrors core/redline.py: conditions on the terms of a text, three-valued; texts (spec/redline.md).

import { compare, decode, digest, equal, isBytes, isInt, isList, isMap, isText, limits } from './encoding.js'
import { parseClauses } from './clauses.js'
import { Malformed, Refused } from './errors.js'

const DECIMAL = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/
const CURRENCY = /^[A-Z]{3}$/
const INSTANT = /^([0-9]{4})-([0-9]{2})-([0-9]{2})(T([01][0-9]|2[0-3]):([0-9]{2}):([0-9]{2})Z)?$/
const STEP = /^[A-Za-z0-9_-]{1,64}$/

export const Answer = Object.freeze({ KEPT: 'kept', CROSSED: 'crossed', CANNOT_TELL: 'cannot tell' })
const { KEPT, CROSSED, CANNOT_TELL } = Answer

// --- values in the terms: a decimal is an integer `digits` times ten to the `power`, exact

export const ZERO = Object.freeze({ digits: 0n, power: 0 })
const ONE = Object.freeze({ digits: 1n, power: 0 })

function decimal(text) {
  const [before, after = ''] = text.split('.')
  return { digits: BigInt(before + after), power: -after.length }
}

const scaled = ({ digits, power }, to) => digits * 10n ** BigInt(power - to)

export function compareDecimals(left, right) {
  const power = Math.min(left.power, right.power)
  return compare(scaled(left, power), scaled(right, power))
}

export function exact(left, right, operator) {
  if (operator === 'product') return { digits: left.digits * right.digits, power: left.power + right.power }
  const power = Math.min(left.power, right.power)
  return { digits: scaled(left, power) + scaled(right, power), power }
}

export function amount(value) {
  if (isList(value) && value.length === 2 && value.every(isText)) {
    const plain = CURRENCY.test(value[0]) && amount(value[1])
    return plain ? { currency: value[0], number: plain.number } : null
  }
  if (isInt(value)) return { currency: '', number: { digits: BigInt(value), power: 0 } }
  if (!isText(value) || value.length > limits.DECIMAL_DIGITS_MAX || !DECIMAL.test(value)) return null
  return { currency: '', number: decimal(value) }
}

const answer = kept => kept ? KEPT : CROSSED

const typeOf = value => value === null ? 'null' : isBytes(value) ? 'bytes' : typeof value

function same(found, line) {
  const [left, right, wanted] = [amount(found), line.figure, line.wanted]
  if (left && right) {
    return left.currency === right.currency ? answer(compareDecimals(left.number, right.number) === 0) : CANNOT_TELL
  }
  if (left || right || typeOf(found) !== typeOf(wanted) || isList(found) || isMap(found)) return CANNOT_TELL
  return answer(equal(found, wanted))
}

const ordered = sign => (found, line) => {
  const left = amount(found)
  if (!left || !line.figure || left.currency !== line.figure.currency) return CANNOT_TELL
  return answer(compareDecimals(left.number, line.figure.number) * sign >= 0)
}

const timed = sign => (found, line) => {
  if (!isInstant(found) || !isInstant(line.wanted) || found.length !== line.wanted.length) return CANNOT_TELL
  return answer(compare(found, line.wanted) * sign > 0)
}

// A date, or an instant in UTC, that the calendar has.
function isInstant(value) {
  const parts = isText(value) && INSTANT.exec(value)
  if (!parts) return false
  const [year, month, day, minute, second] = [1, 2, 3, 6, 7].map(group => Number(parts[group] ?? 0))
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  return year > 0 && minute < 60 && second < 60 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
}

export const ABSENT = Symbol('absent')

export function lookUp(terms, path) {
  for (const step of path.split('.')) {
    if (!isMap(terms) || !terms.has(step)) return ABSENT
    terms = terms.get(step)
  }
  return terms
}

// --- lines

const compared = judge => (line, terms) => {
  const found = lookUp(terms, line.path)
  return found === ABSENT ? CANNOT_TELL : judge(found, line)
}
const negated = given => given === KEPT ? CROSSED : given === CROSSED ? KEPT : given
// One deciding answer decides; else one CANNOT_TELL leaves it open; else the other answer.
const joined = decides => (line, terms) => {
  const answers = line.members.map(member => evaluate(member, terms))
  if (answers.includes(decides)) return decides
  return answers.includes(CANNOT_TELL) ? CANNOT_TELL : negated(decides)
}

const COMPARING = {
  equal: same, 'not-equal': (found, line) => negated(same(found, line)), 'at-least': ordered(1),
  'at-most': ordered(-1), before: timed(-1), after: timed(1),
}
const LISTING = { 'one-of': joined(KEPT), 'none-of': (line, terms) => negated(joined(KEPT)(line, terms)) }
const EXISTING = {
  present: (line, terms) => answer(lookUp(terms, line.path) !== ABSENT),
  absent: (line, terms) => answer(lookUp(terms, line.path) === ABSENT),
}
const JOINING = { all: joined(CROSSED), any: joined(KEPT) }
const NEGATING = { not: (line, terms) => negated(evaluate(line.members[0], terms)) }

const EVALUATIONS = new Map([NEGATING, JOINING, LISTING, EXISTING, COMPARING].flatMap(Object.entries))
for (const [operator, judge] of Object.entries(COMPARING)) EVALUATIONS.set(operator, compared(judge))

export const evaluate = (line, terms) => EVALUATIONS.get(line.operator)(line, terms)

const malformed = detail => new Malformed('line.malformed', detail)

export class Line {
  constructor(operator, path = '', { wanted = null, figure = null, members = [] } = {}) {
    Object.assign(this, { operator, path, wanted, figure, members })
  }
}

export function parseLine(value, depth = 0) {
  if (depth > limits.LINE_DEPTH_MAX) throw malformed(`lines are nested ${limits.LINE_DEPTH_MAX} deep at most`)
  if (!isList(value) || !isText(value[0])) throw malformed('a line is a list that begins with its operator')
  const [operator, ...operands] = value
  if (!EVALUATIONS.has(operator)) throw new Malformed('line.operator', `${operator} is no operator`)
  const is = (table, count) => Object.hasOwn(table, operator) && operands.length === count
  if (is(NEGATING, 1) || Object.hasOwn(JOINING, operator) && operands.length && operands.length <= limits.LINES_MAX) {
    return new Line(operator, '', { members: operands.map(member => parseLine(member, depth + 1)) })
  }
  if (is(EXISTING, 1)) return new Line(operator, parsePath(operands[0]))
  if (is(COMPARING, 2)) return comparing(operator, parsePath(operands[0]), operands[1])
  if (is(LISTING, 2) && isList(operands[1])) {
    const wanted = operands[1]
    if (!wanted.length || wanted.length > limits.IDENTIFIERS_MAX) throw malformed(`${operator} has too many members`)
    const path = parsePath(operands[0])
    return new Line(operator, path, { members: wanted.map(member => comparing('equal', path, member)) })
  }
  throw malformed(`${operator} has other operands than the specification says`)
}

export function parsePath(value) {
  if (!isText(value) || !value.split('.').every(step => STEP.test(step))) throw malformed('a path is dotted names')
  return value
}

// The line that compares with a value; one that can never be kept is refused.
function comparing(operator, path, wanted) {
  const figure = amount(wanted)
  if (['at-least', 'at-most'].includes(operator) && !figure) throw malformed(`${operator} compares with an amount`)
  if (['before', 'after'].includes(operator) && !isInstant(wanted)) throw malformed(`${operator} compares with a date`)
  if (isMap(wanted) || wanted === null || isList(wanted) && !figure) throw malformed('a line compares with one value')
  return new Line(operator, path, { wanted, figure })
}

const steps = lines => lines.reduce((sum, line) => sum + 1 + steps(line.members), 0)

export function parseLines(values) {
  const lines = (values ?? []).map(value => parseLine(value))
  if (steps(lines) > limits.LINE_STEPS_MAX) throw new Malformed('line.too-costly', 'the lines cost too many steps')
  return lines
}

export const commitment = (line, salt) => digest('private-line', salt, line)

export function checkLinesKept(lines, text, of = 'mandate') {
  for (const line of lines) {
    const given = text.answer(line)
    if (given === CROSSED) throw new Refused('line.crossed', `the text crosses a red line of the ${of}`)
    if (given === CANNOT_TELL) throw new Refused('line.cannot-tell', `the terms lack what a line of the ${of} needs`)
  }
}

// --- texts

// `stated` is what the clauses say, or why nobody can read them: that stops a text only where it is asked.
export class Text {
  constructor(digest, articles, terms, checks, clauses, stated) {
    Object.assign(this, { digest, articles, terms, checks, clauses, stated, answers: new Map() })
  }

  answer(line) {
    if (!this.answers.has(line)) this.answers.set(line, evaluate(line, this.terms))
    return this.answers.get(line)
  }

  get parsedClauses() {
    if (this.stated instanceof Malformed) throw this.stated
    return this.stated
  }
}

export const textDigest = data => digest('text', data)

const PARTS = ['articles', 'terms', 'random', 'checks', 'clauses']

export function parseText(data) {
  const value = decode(data)
  const need = (fits, detail) => {
    if (!fits) throw new Malformed('text.malformed', detail)
  }
  need(isMap(value) && PARTS.slice(0, 3).every(part => value.has(part)), 'a text has articles, terms and random')
  need([...value.keys()].every(part => PARTS.includes(part)), 'an unknown part')
  need(isBytes(value.get('random')) && value.get('random').length === 16, 'random is 16 bytes')
  const articles = value.get('articles')
  need(isMap(articles) && [...articles.values()].every(areArticles), 'articles are lists of text, by language')
  need(new Set([...articles.values()].map(listed => listed.length)).size < 2, 'languages differ in their articles')
  need(areTerms(value.get('terms')), 'terms are a map whose names can stand in a path')
  const clauses = value.get('clauses') ?? (value.has('clauses') ? null : new Map())
  need(isMap(clauses), 'clauses are a map')
  const checks = value.has('checks') ? value.get('checks') : []
  need(isList(checks) && checks.length <= limits.CHECKS_MAX, 'checks are a list')
  const read = checks.map(check => {
    need(isList(check) && check.length === 3 && ['product', 'sum'].includes(check[0]), 'a check is product or sum')
    need(isList(check[2]) && check[2].length >= 2 && check[2].length <= 16, 'a check names 2 to 16 paths')
    return { operator: check[0], path: parsePath(check[1]), of: check[2].map(parsePath) }
  })
  return new Text(textDigest(data), articles, value.get('terms'), read, clauses, readClauses(clauses))
}

const areArticles = value =>
  isList(value) && value.length <= limits.ARTICLES_MAX && value.every(article => isText(article) && article !== '')
const areTerms = terms => isMap(terms) &&
  [...terms].every(([name, value]) => STEP.test(name) && (!isMap(value) || areTerms(value)))

function readClauses(value) {
  try {
    return parseClauses(value)
  } catch (error) {
    if (error instanceof Malformed) return error
    throw error
  }
}

export function holds(check, terms) {
  const figures = [check.path, ...check.of].map(path => amount(lookUp(terms, path)))
  if (figures.includes(null)) return CANNOT_TELL
  const [total, ...parts] = figures
  const currencies = parts.map(part => part.currency).filter(one => check.operator === 'sum' || one)
  if (new Set(currencies).size > 1 || check.operator === 'product' && currencies.length > 1) return CANNOT_TELL
  if (total.currency !== (currencies[0] ?? '')) return CANNOT_TELL
  const start = check.operator === 'sum' ? ZERO : ONE
  const computed = parts.reduce((sum, part) => exact(sum, part.number, check.operator), start)
  return answer(compareDecimals(computed, total.number) === 0)
}
