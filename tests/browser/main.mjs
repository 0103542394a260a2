// What `run` does, after its arguments.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

import { built, server } from '../conformance/processes.mjs'
import { certificate, front, stranger } from './front.mjs'
import { Profile } from './profile.mjs'
import { SCENARIOS } from './scenarios.mjs'

// All of them take less than half a minute; a browser that hangs must not take for ever.
const RUN_MS = 180_000

const root = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../..')
const modules = createRequire(path.join(root, 'target/browser/package.json'))
const { default: puppeteer } = await import(pathToFileURL(modules.resolve('puppeteer-core')))

const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'tower-upstash-browser-'))
process.on('exit', () => fs.rmSync(temporary, { recursive: true, force: true, maxRetries: 5 }))
setTimeout(() => {
  console.error(`the scenarios take more than ${RUN_MS / 1000} s`)
  process.exit(1)
}, RUN_MS).unref()

const chosen = SCENARIOS.filter(([title]) => title.includes(process.argv[2] ?? ''))
if (!chosen.length) throw new Error(`no title has "${process.argv[2]}" in it`)
const binary = await built(root, 'sessions_axum')
let failed = 0
try {
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM,
    acceptInsecureCerts: true,
    args: [
      ...(process.getuid() === 0 ? ['--no-sandbox'] : []), // which Chromium has not for root
      '--disable-dev-shm-usage', // small in containers
      '--host-resolver-rules=MAP *.test 127.0.0.1'
    ],
    // At a signal, processes.mjs ends this process, which ends the browser.
    handleSIGHUP: false,
    handleSIGINT: false,
    handleSIGTERM: false,
    pipe: true,
    userDataDir: path.join(temporary, 'profile')
  })
  console.log(await browser.version())
  for (const [title, scenario] of chosen) failed += await fails(browser, title, scenario)
  await browser.close()
} catch (error) {
  console.error(error)
  failed += 1
}
console.log(failed ? `${failed} of ${chosen.length} scenarios FAILED` : `${chosen.length} scenarios passed`)
process.exit(failed ? 1 : 0)

// Runs a scenario with servers and profiles of its own.
async function fails (browser, title, scenario) {
  const ends = []
  const example = async env => {
    const started = await server(binary, [], { env: { ...plainEnvironment(), LISTEN: '127.0.0.1:0', ...env } })
    ends.push(started.stop)
    return started
  }
  const tls = certificate(temporary)
  try {
    const plain = await example({})
    const [secure, strangers] = [await front(tls, plain.url), await stranger(tls)]
    ends.push(secure.stop, strangers.stop)
    const url = `https://localhost:${secure.port}`
    const profile = async (at = url) => {
      const context = await browser.createBrowserContext()
      ends.push(() => context.close())
      return new Profile(context, at)
    }
    const strangerAt = host => `https://${host}:${strangers.port}`
    await scenario({ example, front: secure, plain: plain.url, profile, strangerAt, url })
    if (plain.ended()) throw new Error('the example did not live to the end')
    console.log(`ok      ${title}`)
    return 0
  } catch (error) {
    console.log(`FAILED  ${title}\n${error.stack}`)
    return 1
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

// Sessions are in memory, whatever the shell knows.
function plainEnvironment () {
  const names = Object.keys(process.env).filter(name => !/^(UPSTASH_|KV_|REDIS_|DEVELOPMENT$)/.test(name))
  return Object.fromEntries(names.map(name => [name, process.env[name]]))
}
