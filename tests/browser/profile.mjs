// What somebody does with a browser.

// Far less than a second, but machines are busy.
const LIMIT_MS = 15_000

// A browser of one person: cookies of its own.
export class Profile {
  constructor (context, url) {
    this.context = context
    this.url = url
  }

  async tab (path = '/') {
    const page = await this.context.newPage()
    page.setDefaultTimeout(LIMIT_MS)
    const tab = new Tab(page, this.url)
    await tab.open(path)
    return tab
  }

  // The cookies of the example, as the browser reports them.
  cookies () {
    return this.context.cookies()
  }

  async token () {
    const cookies = await this.cookies()
    if (cookies.length !== 1) throw new Error(`${cookies.length} cookies instead of one`)
    return cookies[0].value
  }

  async plant (token) {
    const page = await this.context.newPage()
    await page.setCookie({ name: '__Host-id', value: token, url: this.url, path: '/', secure: true, httpOnly: true, sameSite: 'Lax' })
    await page.close()
  }
}

export class Tab {
  constructor (page, url) {
    this.page = page
    this.url = url
  }

  open (path = '/') {
    return this.page.goto(this.url + path)
  }

  // What the page says: who is logged in, how often it was opened, news, and devices.
  says () {
    return this.page.evaluate(() => {
      const text = selector => document.querySelector(selector)?.textContent
      return {
        who: text('#who'),
        views: Number(text('#views')),
        news: [...document.querySelectorAll('[role=status]')].map(element => element.textContent),
        devices: document.querySelectorAll('#devices li').length
      }
    })
  }

  async reloaded () {
    await this.open()
    return this.says()
  }

  // Presses the button of a form, and returns the response that this led to.
  async press (action) {
    const [response] = await Promise.all([
      this.page.waitForNavigation(),
      this.page.$eval(`form[action="${action}"]`, form => form.querySelector('button').click())
    ])
    return response
  }

  async login (name, { password = 'sesame', remember = false } = {}) {
    await this.page.evaluate((name, password, remember) => {
      const { elements } = document.querySelector('form[action="/login"]')
      elements.name.value = name
      elements.password.value = password
      elements.remember.checked = remember
    }, name, password, remember)
    return this.press('/login')
  }

  csrf () {
    return this.page.$eval('form input[name=csrf]', input => input.value)
  }

  // Puts another token into all forms; none at all if it is undefined.
  async forge (token) {
    await this.page.$$eval('form input[name=csrf]', (inputs, token) => inputs.forEach(input => {
      if (token === undefined) input.remove()
      else input.value = token
    }), token)
  }
}
