// Asks the verifier about single signatures: `node signatures.mjs <modules> [without-ed25519]` reads lines of JSON,
// {"algorithm", "key", "message", "signature"} in hex, and answers whether it is good, and whether the key is a point
// of the prime-order group. Without Ed25519, as in an older browser, the verifier's own arithmetic answers. A line
// {"chain": [{"key", "message", "signature"}…]} asks each one only after those before it were found bad: how many
// were, and how often all was asked anew.

import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [folder, without] = process.argv.slice(2)
if (without) {
  const importKey = crypto.subtle.importKey.bind(crypto.subtle)
  crypto.subtle.importKey = async (format, key, algorithm, ...more) => {
    if (algorithm === 'Ed25519') throw new DOMException('Unrecognized name.', 'NotSupportedError')
    return importKey(format, key, algorithm, ...more)
  }
}
const load = name => import(pathToFileURL(`${folder}/${name}.js`))
const { unhex } = await load('encoding')
const { Refused } = await load('errors')
const { isValidPoint, settled, verifyEd25519, verifyEs256 } = await load('signing')

function badBefore(chain) {
  const bad = chain.findIndex(row => {
    try {
      verifyEd25519(...row)
      return true
    } catch {
      return false
    }
  })
  return bad < 0 ? chain.length : bad
}

for await (const line of createInterface({ input: process.stdin })) {
  const { algorithm, chain, ...asked } = JSON.parse(line)
  if (chain) {
    const rows = chain.map(row => [row.key, row.message, row.signature].map(unhex))
    let runs = 0
    const bad = await settled(() => {
      runs++
      return badBefore(rows)
    })
    console.log(JSON.stringify([bad, runs]))
    continue
  }
  const [key, message, signature] = [asked.key, asked.message, asked.signature].map(unhex)
  const verify = algorithm === 'ES256' ? verifyEs256 : verifyEd25519
  let good = true
  try {
    await settled(() => verify(key, message, signature))
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    good = false
  }
  console.log(JSON.stringify([good, key.length === 32 && isValidPoint(key)]))
}
