// The page: it verifies the bundle that it carries by whom the reader trusts, and shows what comes of it.

import { number, say, voice } from './words.js'
import { clean, el, section, wholeId } from './nodes.js'
import { stage } from './names.js'
import { pictureSection } from './picture.js'
import { actSection, consentsSection, mandateSection, saidSection, textSection } from './sections.js'
import { stepsNodes, verdictNode } from './verdict.js'
import { isKnown, trusted, whomNodes } from './whom.js'

const { hex, sha256, utf8 } = pourparler.modules.encoding

const encoded = document.getElementById('bundle').textContent.replace(/\s/g, '')
const data = Uint8Array.from(atob(encoded), one => one.charCodeAt(0))
const saved = URL.createObjectURL(new Blob([data], { type: 'application/octet-stream' }))
const verifier = document.scripts[1].textContent
const policy = { value: null, name: '', error: '' }
let run = 0

/** Examine under what the reader knows; while he has said nothing, as if the parties were those he means. */
async function examined() {
  const at = Math.floor(Date.now() / 1000)
  const examine = parties => pourparler.modules.evidence.examine(data, { parties, policy: policy.value }, at)
  const { claim } = await examine({}), ids = (claim?.parties ?? []).map(hex), known = trusted(ids)
  const suppose = () => examine(Object.fromEntries(ids.map(id => [id, say('assumed')])))
  const silent = !Object.keys(known).length, judged = await (silent ? suppose() : examine(known))
  const ledgerKnown = Boolean(claim) && isKnown(hex(claim.ledger.key))
  const shown = judged.registry ? judged : await suppose()
  return { at, ids, judged, known, ledgerKnown, report: judged.report(), shown, silent }
}

function replace(id, ...children) {
  document.getElementById(id).replaceChildren(...children.flat(Infinity).filter(Boolean))
}

const PAUSE_MILLISECONDS = 150

/** Verify under what the reader knows now, once he pauses, and show it; the newest answer stands. */
async function judge(pause = 0) {
  const turn = ++run
  document.body.dataset.asked = String(turn)
  try {
    if (pause) await new Promise(resolve => setTimeout(resolve, pause))
    if (turn !== run) return
    const found = await examined()
    if (turn !== run) return
    show(found)
    document.body.dataset.done = String(turn)
  } catch (error) {
    replace('verdict', el('p', { class: 'verdict unsure' }, say('broken', { error: clean(String(error)) })))
    throw error
  }
}

function show(found) {
  const { judged: { claim }, shown } = found, passed = shown.steps.filter(({ verdict }) => verdict === 'VALID')
  const moment = claim && { index: claim.asOf, time: shown.time ?? shown.registry?.stamp?.time ?? 0 }
  Object.assign(stage, { registry: shown.registry, claim, moment, whole: passed.length >= 9 })
  replace('verdict', verdictNode(found))
  replace('step-list', stepsNodes(found))
  // Once, for whoever is typing keeps his place.
  const changed = () => judge(PAUSE_MILLISECONDS)
  if (!document.getElementById('whom-list').childElementCount) replace('whom-list', whomNodes(claim, changed))
  replace('shown', shownNodes(found))
}

function shownNodes({ report, shown }) {
  if (!shown.registry) return [el('p', { class: 'band bad' }, say('nothing'))]
  const band = report.reason === 'trust.unknown-party' ? 'stranger' : stage.whole ? null : 'partial'
  return [band && el('p', { class: 'band unsure' }, say(band)), textSection(), mandateSection(), actSection(),
    consentsSection(), pictureSection(), saidSection()]
}

// --- witnesses

async function choosePolicy({ target: { files: [file] } }) {
  Object.assign(policy, { value: null, name: file?.name ?? '', error: '' })
  try {
    if (file) policy.value = pourparler.parsePolicy(new Uint8Array(await file.arrayBuffer()))
  } catch (error) {
    policy.error = error.message
  }
  sayPolicy()
  judge()
}

function sayPolicy() {
  const status = document.getElementById('policy-status'), { value, error } = policy, name = clean(policy.name)
  const taken = () => say('policy-taken', { name, count: value.witnesses.length })
  status.textContent = error ? say('policy-wrong', { name, error: clean(error) }) : value ? taken() : say('policy-none')
  status.className = `status ${error ? 'bad' : value ? 'ok' : ''}`
}

const policyNodes = () => [
  el('p', {}, say('policy-lead')), el('label', { for: 'policy-file' }, say('policy-choose')),
  el('input', { id: 'policy-file', type: 'file', onchange: choosePolicy }),
  el('p', { id: 'policy-status', class: 'status', role: 'status' }),
]

// --- without trusting the page

/** The id has to come from elsewhere: it is not filled in from the file that is doubted. */
const command = file => el('pre', {}, el('code', {}, `pourparler verify ${file} --trust PARTY_ID`))

function distrustNodes() {
  const size = number(data.length)
  const save = el('a', { id: 'save', href: saved, download: 'bundle.evidence' }, say('save', { size }))
  return [
    el('p', {}, say('distrust-1')),
    el('ol', {}, el('li', {}, say('distrust-file'), command(ownName())),
      el('li', {}, say('distrust-save'), el('p', {}, save), command('bundle.evidence'))),
    el('p', { class: 'small' }, say('distrust-digest')),
    el('dl', { class: 'facts' },
      el('dt', {}, say('verifier-digest')), el('dd', { id: 'verifier-digest' }, wholeId(sha256(utf8(verifier)))),
      el('dt', {}, say('page-digest')), el('dd', {}, wholeId(sha256(data)))),
  ]
}

function ownName() {
  const name = location.pathname.split('/').at(-1)
  return /^\w[\w.-]*$/.test(name) ? name : 'FILE.html'
}

// --- the whole page

function languageSwitch() {
  const button = (code, name) => el('button', {
    'type': 'button', 'lang': code, 'id': `to-${code}`, 'aria-pressed': String(voice.language === code),
    'onclick': () => {
      voice.language = code
      draw()
      document.getElementById(`to-${code}`).focus()
    },
  }, name)
  const group = { 'class': 'languages', 'role': 'group', 'aria-label': say('language') }
  return el('div', group, button('en', 'English'), button('fr', 'Français'))
}

function draw() {
  document.documentElement.lang = voice.language
  document.title = say('title')
  const body = el('div', { id: 'page' },
    el('a', { class: 'skip', href: '#verdict' }, say('skip')),
    el('header', {}, languageSwitch(), el('h1', {}, say('title')), el('p', { class: 'small' }, say('lead'))),
    el('main', {},
      el('div', { id: 'verdict', role: 'status', tabindex: '-1' }, el('p', {}, say('checking'))),
      section('whom', say('whom'), el('div', { id: 'whom-list' })),
      section('steps', say('steps'), el('p', { class: 'small' }, say('steps-lead')), el('div', { id: 'step-list' })),
      el('div', { id: 'shown' }),
      section('policy', say('policy'), policyNodes()),
      section('distrust', say('distrust'), distrustNodes())))
  document.getElementById('page').replaceWith(body)
  sayPolicy()
  judge()
}

// On paper everything is open.
let opened = []
addEventListener('beforeprint', () => {
  opened = [...document.querySelectorAll('details:not([open])')]
  for (const one of opened) one.open = true
})
addEventListener('afterprint', () => {
  for (const one of opened) one.open = false
})

const wanted = (navigator.languages ?? [navigator.language]).map(tag => tag.slice(0, 2))
voice.language = wanted.find(tag => ['en', 'fr'].includes(tag)) ?? 'en'
draw()
