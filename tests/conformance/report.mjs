// Lists of verdicts, and tables of their numbers.
import fs from 'node:fs'
import path from 'node:path'

import { KINDS, counts, verdict } from './suite.mjs'

export function writeList (file, suite, results) {
  const lines = suite.tests.map(({ id, kind }) => `${id} ${verdict(suite, results, id)} ${kind}`)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, lines.join('\n') + '\n')
}

// Returns the expected verdicts by test.
export function readList (file) {
  const lines = fs.readFileSync(file, 'utf8').trim().split('\n')
  return new Map(lines.map(line => line.split(' ')))
}

// Returns a line for each test that was judged otherwise than expected, by test.
export function differences (expected, suite, results) {
  const lines = new Map()
  for (const { id, kind } of suite.tests) {
    const was = expected.get(id) ?? 'not listed'
    const is = verdict(suite, results, id)
    const why = Array.isArray(results[id]) ? results[id].join(': ') : ''
    if (was !== is) lines.set(id, `  ${kind} ${id}: ${was} -> ${is}  ${why}`.trimEnd())
  }
  for (const id of expected.keys()) {
    if (!suite.all.has(id)) lines.set(id, `  ${id}: listed, but not in the suite`)
  }
  return lines
}

// Returns how many tests of each kind got which verdict.
export function summary (suite, results) {
  return KINDS.map(kind => {
    const { pass = 0, ...others } = counts(suite, results, kind)
    const rest = Object.entries(others).sort().map(([name, number]) => `${number} ${name}`)
    return `  ${kind.padEnd(8)} ${String(pass).padStart(3)} of ${total(suite, kind)} pass; ${rest.join(', ')}`
  }).join('\n')
}

// Returns a Markdown table: how many tests of each kind each cache passes, the best first.
export function table (suite, caches) {
  const rows = caches
    .map(({ label, results }) => [label, ...KINDS.map(kind => counts(suite, results, kind).pass ?? 0)])
    .sort((a, b) => b[1] - a[1] || b[2] - a[2] || b[3] - a[3])
  const head = ['cache', ...KINDS.map(kind => `${kind} (of ${total(suite, kind)})`)]
  return [head, ['---', ...KINDS.map(() => '--:')], ...rows].map(row => `| ${row.join(' | ')} |`).join('\n')
}

function total (suite, kind) {
  return suite.tests.filter(test => test.kind === kind).length
}
