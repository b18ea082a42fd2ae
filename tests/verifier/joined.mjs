// Runs the joined script as a page would: `node joined.mjs <script> [without-webcrypto]` reads lines of JSON from
// standard input, {"bundle": HEX, "trust": {HEX: TEXT}, "policy"?: TEXT, "at"?: SECONDS}, and answers each with the
// report as a line of JSON.

import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { runInThisContext } from 'node:vm'

if (process.argv[3] === 'without-webcrypto') Object.defineProperty(crypto, 'subtle', { value: undefined })
runInThisContext(readFileSync(process.argv[2], 'utf8'), { filename: process.argv[2] })

for await (const line of createInterface({ input: process.stdin })) {
  const { bundle, trust: parties, policy, at = null } = JSON.parse(line)
  const read = policy === undefined ? null : pourparler.parsePolicy(Buffer.from(policy))
  try {
    const report = await pourparler.verify(new Uint8Array(Buffer.from(bundle, 'hex')), { parties, policy: read }, at)
    console.log(JSON.stringify(report))
  } catch (error) {
    console.log(JSON.stringify({ broken: String(error.stack) }))
  }
}
