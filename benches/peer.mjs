// Another evaluator on the same cases: agreement and time.
//
// usage: node benches/peer.mjs BINARY CASES.jsonl
//
// `@cloud-copilot/iam-simulate` (AGPL-3.0) is installed under target/ and run beside us; nothing of it
// is part of this program. It decides in two values, so only cases without unknown keys are put to it.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', 'target', 'peer')
const home = join(folder, 'node_modules', '@cloud-copilot', 'iam-simulate')
if (!existsSync(home)) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private": true}')
  execFileSync('npm', ['install', '--ignore-scripts', '@cloud-copilot/iam-simulate@0.1'], { cwd: folder, stdio: 'inherit' })
}
const { runSimulation } = await import(join(home, 'dist', 'esm', 'index.js'))
const version = JSON.parse(readFileSync(join(home, 'package.json'))).version

const [binary, file] = process.argv.slice(2)
const cases = readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
const expected = (c) => c.expected?.decision ?? c.expect?.decision
const fair = cases.filter(
  (c) => c.request && expected(c) && !c.request.unknown?.length && !c.request.unknownPresent?.length
)

const named = (policies) => [policies ?? []].flat().map((policy, at) => ({ name: `p${at}`, policy }))
const levels = (all) => (all ?? []).map((level, at) => ({ orgIdentifier: `ou-${at}`, policies: named(level) }))
const simulation = ({ request, policies = {} }) => ({
  request: {
    principal: request.principal,
    action: request.action,
    resource: { resource: request.resource, accountId: request.resourceAccount ?? '' },
    contextVariables: request.context ?? {}
  },
  identityPolicies: named(policies.identity),
  serviceControlPolicies: levels(policies.scp),
  resourceControlPolicies: levels(policies.rcp),
  resourcePolicy: policies.resource,
  sessionPolicy: policies.session,
  permissionBoundaryPolicies: policies.boundary && named(policies.boundary)
})

let [right, refused] = [0, 0]
const wrong = []
const inputs = fair.map(simulation)
for (const input of inputs.slice(0, 5)) await runSimulation(input, {})
let start = process.hrtime.bigint()
const answers = []
for (const input of inputs) {
  try {
    answers.push(await runSimulation(input, {}))
  } catch (error) {
    answers.push({ resultType: 'error', errors: { message: String(error) } })
  }
}
const theirs = Number(process.hrtime.bigint() - start) / 1e6
for (const [at, c] of fair.entries()) {
  if (answers[at].resultType === 'error') {
    refused += 1
  } else if ((answers[at].overallResult === 'Allowed') === (expected(c) === 'allowed')) {
    right += 1
  } else {
    wrong.push(`${c.id}: ${answers[at].overallResult}, not ${expected(c)}`)
  }
}
start = process.hrtime.bigint()
const input = fair.map((c) => JSON.stringify(c)).join('\n')
const lines = execFileSync(binary, ['simulate', '--cases', '-'], { input, encoding: 'utf8', maxBuffer: 1 << 30 })
const ours = Number(process.hrtime.bigint() - start) / 1e6
const decided = lines.split('\n').filter(Boolean).map((line) => JSON.parse(line).decision)
const agree = fair.filter((c, at) => decided[at] === expected(c)).length
console.log(`${fair.length} of ${cases.length} cases without unknown keys`)
console.log(`iam-simulate ${version}: right ${right}, refused ${refused}, wrong ${wrong.length}; ${theirs.toFixed(1)} ms`)
for (const line of wrong.slice(0, 10)) console.log(`  ${line}`)
console.log(`sparkcheck: right ${agree}; ${ours.toFixed(1)} ms with starting and reading`)
