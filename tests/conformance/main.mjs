// What `run` does, after its arguments.
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'

import { differences, readList, summary, table, writeList } from './report.mjs'
import { built, client, origin, proxy, runToEnd, shown } from './processes.mjs'
import { openSuite } from './suite.mjs'

const NPM = 'http-cache-tests@0.4.5'
// How often what differs is run again.
const AGAIN = 2
const OPTIONS = { default: [], conformance: ['--conformance'] }

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname)
const root = path.join(here, '../..')
const target = path.join(root, 'target/conformance')

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mode: { type: 'string' },
    suite: { type: 'string' },
    table: { type: 'boolean' },
    test: { type: 'string' },
    write: { type: 'boolean' }
  }
})
const modes = options.mode ? [options.mode] : Object.keys(OPTIONS)
if (modes.some(mode => !(mode in OPTIONS))) throw new Error('--mode is default or conformance')
if (positionals.length && !options.table) throw new Error(`what is ${positionals[0]}?`)

const suite = await openSuite(options.suite ? path.resolve(options.suite) : await fromNpm())
if (options.table) {
  console.log(table(suite, positionals.map(readResults)))
} else {
  if (options.suite) await withDependencies(suite.folder)
  const binary = await built(root, 'reverse_proxy')
  if (options.test) {
    if (!suite.all.has(options.test)) throw new Error(`there is no test ${options.test}`)
    for (const mode of modes) {
      console.log(`\n${suite.name}-${mode}`)
      await through(binary, mode, url => shown(suite, url, options.test))
    }
    process.exit(0)
  }
  // Most of a run is pauses.
  const run = async mode => ({ mode, results: await through(binary, mode, url => client(suite, url)) })
  const runs = await Promise.all(modes.map(run))
  const same = []
  for (const { mode, results } of runs) {
    const wrong = reported({ mode, results })
    same.push(!wrong.size || await isByChance(run, mode, wrong))
  }
  process.exit(same.every(Boolean) ? 0 : 1)
}

async function fromNpm () {
  const folder = path.join(target, 'npm')
  const installed = path.join(folder, 'node_modules', NPM.replace(/@.*/, ''))
  if (!fs.existsSync(installed)) {
    fs.mkdirSync(folder, { recursive: true })
    fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n')
    await npmInstall(folder, '--save-exact', NPM)
  }
  return installed
}

async function withDependencies (folder) {
  if (!fs.existsSync(path.join(folder, 'node_modules'))) await npmInstall(folder, '--omit=dev', '--no-package-lock')
}

function npmInstall (folder, ...rest) {
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  return runToEnd('npm', ['install', ...quiet, ...rest], folder)
}

// Runs something against a proxy of its own in front of an origin of its own.
async function through (binary, mode, run) {
  const upstream = await origin(suite, path.join(here, 'loopback.mjs'), options.test && console.log)
  const subject = await proxy(binary, ['--listen', '127.0.0.1:0', '--upstream', upstream.url, ...OPTIONS[mode]])
  const results = await run(subject.url)
  if (subject.ended()) throw new Error(`${mode}: the proxy did not live to the end`)
  upstream.stop()
  subject.stop()
  return results
}

function reported ({ mode, results }) {
  const name = `${suite.name}-${mode}`
  const raw = path.join(target, `${name}.json`)
  fs.mkdirSync(target, { recursive: true })
  fs.writeFileSync(raw, JSON.stringify({ label: `tower-upstash, ${mode}`, results }, null, 1) + '\n')

  const list = expectations(name)
  console.log(`\n${name}: ${suite.tests.length} tests\n${summary(suite, results)}`)
  if (options.write) {
    writeList(list, suite, results)
    return new Map()
  }
  if (!fs.existsSync(list)) throw new Error(`there is no ${path.relative(root, list)} yet: --write makes it`)
  const wrong = differences(readList(list), suite, results)
  if (wrong.size) {
    const lines = [...wrong.values()].join('\n')
    console.log(`\n${wrong.size} verdicts are not those of ${path.relative(root, list)}:\n${lines}`)
  }
  return wrong
}

function expectations (name) {
  return path.join(here, 'expected', `${name}.txt`)
}

// The tests wait for seconds where caches count in seconds, and a machine that is busy is late: what differs is run again, with
// all the others, as each may be built on others. Only what differs each time is a difference.
async function isByChance (run, mode, wrong) {
  const name = `${suite.name}-${mode}`
  for (let again = 1; again <= AGAIN && wrong.size; again++) {
    console.log(`\n${name}: once more, for these ${wrong.size} verdicts (${again} of ${AGAIN})`)
    const { results } = await run(mode)
    const still = differences(readList(expectations(name)), suite, results)
    for (const [id, line] of wrong) {
      if (still.has(id)) continue
      console.log(`  NOT EACH TIME: ${line.trim()}`)
      wrong.delete(id)
    }
  }
  if (wrong.size) console.log(`\n${name}: different each time:\n${[...wrong.values()].join('\n')}`)
  return !wrong.size
}

function readResults (file) {
  const json = JSON.parse(fs.readFileSync(file, 'utf8'))
  return { label: json.label ?? path.basename(file, '.json'), results: json.results ?? json }
}
