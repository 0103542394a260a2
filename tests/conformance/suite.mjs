// The suite as it lies in a folder, and what its raw results mean.
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

export const KINDS = ['required', 'optimal', 'check']

// npm has an older suite than GitHub, in other places. Its client also runs tests of `Surrogate-Control`, which is no RFC:
// they are in no index, and not judged here.
const LAYOUTS = {
  github: { client: 'test-engine/cli.mjs', server: 'test-engine/server/server.mjs' },
  npm: { client: 'cli.mjs', server: 'server/server.mjs' }
}

export async function openSuite (folder) {
  const found = Object.entries(LAYOUTS).find(([, { server }]) => fs.existsSync(path.join(folder, server)))
  if (!found) throw new Error(`${folder} is no checkout of http-tests/cache-tests`)
  const [name, layout] = found
  const { default: groups } = await import(pathToFileURL(path.join(folder, 'tests/index.mjs')))

  const all = new Map()
  for (const group of groups) {
    for (const { id, kind = 'required', depends_on: needs = [], browser_only: browser } of group.tests) {
      all.set(id, { id, kind, needs, browser })
    }
  }
  const tests = [...all.values()].filter(test => !test.browser).sort((a, b) => a.id < b.id ? -1 : 1)
  return { name, folder, ...layout, all, tests }
}

// Returns the verdict on a test:
// - pass: also the "yes" of a check
// - fail: also the "no" of a check, and what is not optimal
// - dep: a test that it builds on has not passed
// - setup: what the test needs first did not come about, so it says nothing
// - retry: a request was sent twice
// - harness: no answer in time
// - untested: no result
export function verdict (suite, results, id) {
  const result = results[id]
  if (result === undefined) return 'untested'
  if (suite.all.get(id).needs.some(needed => verdict(suite, results, needed) !== 'pass')) return 'dep'
  if (result === true) return 'pass'
  const [error, message] = result
  if (error === 'Setup') return message === 'retry' ? 'retry' : 'setup'
  return error === 'AbortError' ? 'harness' : 'fail'
}

// Returns how often each verdict was given on tests of a kind.
export function counts (suite, results, kind) {
  const counts = {}
  for (const test of suite.tests.filter(test => test.kind === kind)) {
    const given = verdict(suite, results, test.id)
    counts[given] = (counts[given] ?? 0) + 1
  }
  return counts
}
