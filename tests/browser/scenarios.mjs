// What is tried: titles, and functions that throw where the browser sees something else.
import assert from 'node:assert/strict'

const DAY = 24 * 60 * 60

export const SCENARIOS = [
  ['the cookie is taken, with all that protects it', async ({ profile }) => {
    const alice = await profile()
    const tab = await alice.tab()
    const [cookie, ...others] = await alice.cookies()
    assert.deepEqual(others, [])
    const { name, value, domain, path, secure, httpOnly, sameSite, session } = cookie
    assert.deepEqual({ name, domain, path, secure, httpOnly, sameSite, session }, {
      name: '__Host-id', domain: 'localhost', path: '/', secure: true, httpOnly: true, sameSite: 'Lax', session: true
    })
    assert.match(value, /^[\w-]{43,}$/)
    assert.equal(await tab.page.evaluate(() => document.cookie), '')
  }],

  ['the cookie is also taken over plain HTTP on this machine', async ({ plain, profile }) => {
    for (const host of ['127.0.0.1', 'localhost']) {
      const alice = await profile(plain.replace('127.0.0.1', host))
      const tab = await alice.tab()
      await tab.login('alice')
      assert.equal((await tab.says()).who, 'alice')
      assert.equal((await alice.cookies())[0].name, '__Host-id')
    }
  }],

  ['elsewhere, plain HTTP needs the switch for development', async ({ example, plain, profile }) => {
    const development = await example({ DEVELOPMENT: '1' })
    const elsewhere = url => profile(url.replace('127.0.0.1', 'machine.test'))
    const [usual, loose] = [await elsewhere(plain), await elsewhere(development.url)]
    await usual.tab()
    assert.deepEqual(await usual.cookies(), [])
    const tab = await loose.tab()
    await tab.login('alice')
    assert.equal((await tab.says()).who, 'alice')
    const [{ secure, httpOnly, sameSite }] = await loose.cookies()
    assert.deepEqual({ secure, httpOnly, sameSite }, { secure: false, httpOnly: true, sameSite: 'Lax' })
  }],

  ['views are counted over all tabs of a profile, and for each profile alone', async ({ profile }) => {
    const alice = await profile()
    const first = await alice.tab()
    assert.equal((await first.says()).views, 1)
    const second = await alice.tab()
    assert.equal((await second.says()).views, 2)
    assert.equal((await first.reloaded()).views, 3)
    assert.equal((await (await (await profile()).tab()).says()).views, 1)
  }],

  ['views at the same time are all counted', async ({ profile }) => {
    const tab = await (await profile()).tab()
    const all = await tab.page.evaluate(() => {
      const views = Array.from({ length: 12 }, () => fetch('/', { cache: 'no-store' }))
      return Promise.all(views.map(async view => (await view).status))
    })
    assert.deepEqual(all, Array(12).fill(200))
    assert.equal((await tab.reloaded()).views, 14)
  }],

  ['a login is seen in the other tab, and so is a logout', async ({ profile }) => {
    const alice = await profile()
    const [first, second] = [await alice.tab(), await alice.tab()]
    await first.login('alice')
    assert.equal((await first.says()).who, 'alice')
    assert.equal((await second.reloaded()).who, 'alice')
    await second.press('/logout')
    assert.equal((await second.says()).who, undefined)
    assert.equal((await first.reloaded()).who, undefined)
  }],

  ['a wrong password logs nobody in', async ({ profile }) => {
    const tab = await (await profile()).tab()
    await tab.login('alice', { password: 'guessed' })
    const { who, news } = await tab.says()
    assert.equal(who, undefined)
    assert.equal(news.length, 1)
  }],

  ['a login changes the token, and the old one is worth nothing', async ({ profile }) => {
    const [alice, mallory] = [await profile(), await profile()]
    const tab = await alice.tab()
    const before = await alice.token()
    await tab.login('alice')
    const after = await alice.token()
    assert.notEqual(after, before)
    assert.equal((await tab.says()).views, 2) // what was in the session is still there

    await mallory.plant(before)
    const theirs = await mallory.tab()
    const { who, views } = await theirs.says()
    assert.deepEqual({ who, views }, { who: undefined, views: 1 })
    assert.notEqual(await mallory.token(), before)
    // Who has the new one is alice: this is what would have been worth something.
    const thief = await profile()
    await thief.plant(after)
    assert.equal((await (await thief.tab()).says()).who, 'alice')
  }],

  ['a logout takes the cookie away, and what is kept of it is worth nothing', async ({ profile }) => {
    const [alice, mallory] = [await profile(), await profile()]
    const tab = await alice.tab()
    await tab.login('alice')
    const token = await alice.token()
    const csrf = await tab.csrf()
    // Not followed: the page would start a session anew.
    await tab.page.evaluate(csrf => fetch('/logout', {
      method: 'POST', body: new URLSearchParams({ csrf }), redirect: 'manual'
    }), csrf)
    assert.deepEqual(await alice.cookies(), [])
    await mallory.plant(token)
    assert.equal((await (await mallory.tab()).says()).who, undefined)
  }],

  ['after a logout, the way back in history shows nothing', async ({ profile }) => {
    const tab = await (await profile()).tab()
    await tab.login('alice')
    await tab.press('/logout')
    await tab.page.goBack()
    assert.equal((await tab.says()).who, undefined)
  }],

  ['whoever wants to be remembered gets a cookie that stays, until the session ends', async ({ profile }) => {
    const alice = await profile()
    const tab = await alice.tab()
    await tab.login('alice', { remember: true })
    const [{ session, expires }] = await alice.cookies()
    const days = (expires - Date.now() / 1000) / DAY
    assert.equal(session, false)
    assert.ok(days > 1 && days <= 400, `${days} days`)
  }],

  ['to log out everywhere else logs out another profile, and nobody else', async ({ profile }) => {
    const [laptop, phone, other] = [await profile(), await profile(), await profile()]
    const [here, there, bob] = [await laptop.tab(), await phone.tab(), await other.tab()]
    await here.login('alice')
    await there.login('alice')
    await bob.login('bob')
    assert.equal((await here.reloaded()).devices, 2)
    await here.press('/logout-everywhere')
    const { who, devices } = await here.says()
    assert.deepEqual({ who, devices }, { who: 'alice', devices: 1 })
    assert.equal((await there.reloaded()).who, undefined)
    assert.equal((await bob.reloaded()).who, 'bob')
  }],

  ['one device is ended from another', async ({ profile }) => {
    const [here, there] = [await (await profile()).tab(), await (await profile()).tab()]
    await there.login('alice')
    await here.login('alice')
    const actions = await here.page.$$eval('#devices form', forms => forms.map(form => form.getAttribute('action')))
    assert.equal(actions.length, 1) // the other one: one's own has a logout
    await here.press(actions[0])
    const { who, devices } = await here.says()
    assert.deepEqual({ who, devices }, { who: 'alice', devices: 1 })
    assert.equal((await there.reloaded()).who, undefined)
  }],

  ['nobody ends the device of somebody else', async ({ profile }) => {
    const [alice, bob] = [await (await profile()).tab(), await (await profile()).tab()]
    const second = await (await profile()).tab()
    for (const [tab, name] of [[alice, 'alice'], [second, 'alice'], [bob, 'bob']]) await tab.login(name)
    await alice.reloaded()
    const action = await alice.page.$eval('#devices form', form => form.getAttribute('action'))
    await bob.page.$eval('form[action="/logout"]', (form, action) => form.setAttribute('action', action), action)
    await bob.press(action)
    assert.equal((await second.reloaded()).who, 'alice')
    assert.equal((await alice.reloaded()).devices, 2)
  }],

  ['the sixth login ends the oldest', async ({ profile }) => {
    const tabs = []
    for (let device = 0; device < 6; device++) {
      const tab = await (await profile()).tab()
      await tab.login('alice')
      tabs.push(tab)
    }
    assert.equal((await tabs[0].reloaded()).who, undefined)
    assert.equal((await tabs[1].reloaded()).who, 'alice')
    assert.equal((await tabs[5].reloaded()).devices, 5)
  }],

  ['news are shown once', async ({ profile }) => {
    const alice = await profile()
    const tab = await alice.tab()
    assert.deepEqual((await tab.says()).news, [])
    await tab.login('alice')
    assert.equal((await tab.says()).news.length, 1)
    assert.deepEqual((await tab.reloaded()).news, [])
    assert.deepEqual((await (await alice.tab()).says()).news, [])
  }],

  ['what somebody has typed is text', async ({ profile }) => {
    const tab = await (await profile()).tab()
    const name = `<img src=x onerror="document.title='stolen'">&amp;"'`
    await tab.login(name)
    const { who, news } = await tab.says()
    assert.equal(who, name)
    assert.ok(news[0].includes(name))
    assert.equal(await tab.page.$('img'), null)
  }],

  ['a form needs the token of its session', async ({ profile }) => {
    const [tab, mallory] = [await (await profile()).tab(), await (await profile()).tab()]
    await tab.login('alice')
    await mallory.login('mallory')
    const own = await tab.csrf()
    const changed = (own[0] === 'A' ? 'B' : 'A') + own.slice(1)
    for (const token of [undefined, '', changed, await mallory.csrf()]) {
      await tab.forge(token)
      assert.equal((await tab.press('/logout')).status(), 403)
      assert.equal((await tab.reloaded()).who, 'alice')
    }
    // The right one is taken, also that of a page that is older: in another tab, or before a reload.
    await tab.forge(own)
    assert.equal((await tab.press('/logout')).status(), 200)
    assert.equal((await tab.says()).who, undefined)
  }],

  ['a form of before the login is refused after it', async ({ profile }) => {
    const tab = await (await profile()).tab()
    const before = await tab.csrf()
    await tab.login('alice')
    await tab.forge(before)
    assert.equal((await tab.press('/logout')).status(), 403)
    assert.equal((await tab.reloaded()).who, 'alice')
  }],

  // Of the same site, as a site has no port: the cookie comes along. A token that was found out does not help.
  ['a form of another origin is refused', async ({ front, profile, strangerAt, url }) => {
    const alice = await profile()
    const tab = await alice.tab()
    await tab.login('alice')
    const status = await attack(alice, strangerAt('localhost'), `${url}/logout`, await tab.csrf())
    assert.equal(status, 403)
    assert.equal(front.lastPost.headers['sec-fetch-site'], 'same-site')
    assert.match(front.lastPost.headers.cookie, /__Host-id=/)
    assert.equal((await tab.reloaded()).who, 'alice')
  }],

  ['a form of another origin is refused where the browser tells nothing but the origin', async context => {
    const { front, profile, strangerAt, url } = context
    front.hides = /^sec-fetch-/
    const alice = await profile()
    const tab = await alice.tab()
    await tab.login('alice')
    assert.equal(front.lastPost.headers['sec-fetch-site'], undefined) // a form of its own came through
    assert.equal((await tab.says()).who, 'alice')
    const status = await attack(alice, strangerAt('localhost'), `${url}/logout`, await tab.csrf())
    assert.equal(status, 403)
    assert.equal(front.lastPost.headers.origin, strangerAt('localhost'))
    assert.match(front.lastPost.headers.cookie, /__Host-id=/)
    assert.equal((await tab.reloaded()).who, 'alice')
  }],

  ['a form of another site has no cookie, and is refused', async ({ front, profile, strangerAt, url }) => {
    const alice = await profile()
    const tab = await alice.tab()
    await tab.login('alice')
    const status = await attack(alice, strangerAt('127.0.0.1'), `${url}/logout`, await tab.csrf())
    assert.equal(status, 403)
    assert.equal(front.lastPost.headers['sec-fetch-site'], 'cross-site')
    assert.equal(front.lastPost.headers.cookie, undefined)
    assert.equal((await tab.reloaded()).who, 'alice')
  }],

  ['another site cannot log anybody in', async ({ profile, strangerAt, url }) => {
    const [alice, mallory] = [await profile(), await (await profile()).tab()]
    const tab = await alice.tab()
    const fields = { name: 'mallory', password: 'sesame' }
    for (const host of ['127.0.0.1', 'localhost']) {
      assert.equal(await attack(alice, strangerAt(host), `${url}/login`, await mallory.csrf(), fields), 403)
      assert.equal((await tab.reloaded()).who, undefined)
    }
  }],

  ['a link of another site finds the login', async ({ profile, strangerAt, url }) => {
    const alice = await profile()
    await (await alice.tab()).login('alice')
    const tab = await alice.tab()
    await tab.page.goto(strangerAt('127.0.0.1'))
    await tab.page.setContent(`<a href="${url}/">a link</a>`)
    await Promise.all([tab.page.waitForNavigation(), tab.page.click('a')])
    assert.equal((await tab.says()).who, 'alice')
  }]
]

// Opens a page of a stranger whose form is sent to us, and returns the status of the answer.
async function attack (profile, stranger, action, csrf, fields = {}) {
  const tab = await profile.tab()
  await tab.page.goto(stranger)
  await tab.page.evaluate((action, fields) => {
    const form = document.createElement('form')
    Object.assign(form, { method: 'post', action })
    for (const [name, value] of Object.entries(fields)) {
      form.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }))
    }
    form.append(document.createElement('button'))
    document.body.append(form)
  }, action, { csrf, ...fields })
  const response = await tab.press(action)
  await tab.page.close()
  return response.status()
}
