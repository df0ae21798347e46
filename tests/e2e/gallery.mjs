// Pictures of every screen, in {light, dark} × {ja, en} × {100, 200 %} and between, into out/. A person looks.
//
//     node gallery.mjs [out] [only: light-ja-100,dark-en-200,light-ja-200-320,…] [sheets]
//
// With a third argument a sheet of each variant's most telling screens goes into that folder, such as ../../assets/screenshots.
// A third part is the text's size (100, 125, 150, 200), a fourth the width: 320 is as narrow as a page may have to be, many
// phones have 360, else it is 390. The good day is the demo's;
// what goes wrong on others stands in wrongs.mjs. Says what stands outside the page and what axe-core finds against WCAG 2.2 AA,
// and fails if there is any.

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Running, binary, byId, openPhone, startBrowser, tap, temporaryFolder, textOf, unlock, until } from './harness.mjs';
import { wrongs } from './wrongs.mjs';

const EVERY = ['light', 'dark'].flatMap((scheme) => ['ja', 'en'].flatMap((language) => [100, 200].map((size) => `${scheme}-${language}-${size}`)))
  .concat('light-ja-100-320', 'light-ja-200-320', 'dark-en-100-320', 'dark-en-200-320', 'light-ja-100-360', 'light-ja-125', 'light-ja-125-360');
/** As the settings offer them. */
const SIZES = [100, 125, 150, 200];
const only = process.argv[3]?.split(',') ?? EVERY;
const out = path.resolve(process.argv[2] ?? path.join(path.dirname(fileURLToPath(import.meta.url)), 'out'));
const sheets = process.argv[4] && path.resolve(process.argv[4]);
/** Two rows of a good day, two of a bad one. */
const TELLING = [
  'today', 'patient', 'calendar', 'trends', 'vitals', 'care', 'texts', 'photos', 'confirm', 'search', 'on-call', 'family', 'board', 'plan',
  'conflict', 'competing', 'amended', 'amend', 'history-versions', 'close-absent', 'manager-list', 'state-offline', 'state-hub', 'state-full', 'state-lease', 'state-wiped', 'unlock-wrong', 'curtain',
];
mkdirSync(out, { recursive: true });
const folder = temporaryFolder();
const WORDS = '下肢浮腫あり。食事は全量摂取、夜間の咳嗽あり。';

const app = new Running(binary('tsutsuji'), ['demo', '--headless', '--port', '0', '--data', folder], { env: { LANG: 'ja_JP.UTF-8' } });
const browser = await startBrowser();
const overflows = [];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
try {
  const url = (await app.line(/^App:\s+(http:\/\/127\.0\.0\.1:\d+\/)/m, 120_000))[1];
  for (const name of only) {
    const [colorScheme, language, size, width = 390] = name.split('-');
    const variant = { name, colorScheme, language, size: Number(size), width: Number(width) };
    await series(url, variant);
    await wrongs({
      show: (url) => opened(url, variant),
      dress: (page) => dress(page, variant),
      picture: (page, screen) => keep(page, variant, screen),
      end: (page) => scroll(page, true),
      top: (page) => scroll(page, false),
    });
    if (sheets) await sheet(variant);
  }
  if (/internal error/.test(app.output)) overflows.push(`the app gave up: ${app.output}`);
} catch (error) {
  for (const page of browser.contexts().flatMap((context) => context.pages())) await page.screenshot({ path: path.join(out, 'failed.png') });
  throw error;
} finally {
  console.log(overflows.length ? overflows.join('\n') : 'nothing stands outside the page, and axe-core finds nothing against WCAG 2.2 AA');
  process.exitCode = overflows.length ? 1 : 0;
  await browser.close();
  await app.stop();
}

async function keep(page, { name }, screen) {
  await page.screenshot({ path: path.join(out, `${name}-${screen}.png`) });
  for (const found of await page.evaluate(outside)) overflows.push(`${name}-${screen}: ${found}`);
  for (const found of await inaccessible(page)) overflows.push(`${name}-${screen}: ${found}`);
}

/** The telling screens side by side, small enough to stand in a repository. */
async function sheet({ name, width }) {
  mkdirSync(sheets, { recursive: true });
  const page = await browser.newPage({ viewport: { width: 7 * 110 + 8, height: 400 } });
  const shots = TELLING.map((screen) => `<img src="data:image/png;base64,${readFileSync(path.join(out, `${name}-${screen}.png`), 'base64')}" width="102" height="${Math.round((102 * 844) / width)}">`);
  await page.setContent(`<body style="margin:0;padding:8px;display:flex;flex-wrap:wrap;gap:8px;background:#8a938e">${shots.join('')}</body>`);
  await page.screenshot({ path: path.join(sheets, `sheet-${name}.png`), fullPage: true });
  await page.close();
}

async function isEnglish(page) {
  return (await page.locator('.app').getAttribute('lang')) === 'en';
}

/** A page as the variant looks; before the lock only its language can be chosen. */
async function opened(url, { colorScheme, language, width }) {
  const page = await openPhone(browser, url, { colorScheme, deviceScaleFactor: 1, viewport: { width, height: 844 } });
  await page.waitForSelector('#language');
  if ((await isEnglish(page)) !== (language === 'en')) {
    await page.locator('#language').tap();
    await until('the other language', async () => (await isEnglish(page)) === (language === 'en'));
  }
  return page;
}

/** Language and size are kept in the vault: set both, whatever stood there; then back to the first tab. */
async function dress(page, { language, size }, seen = async () => {}) {
  await tap(page, page.locator('.tab').nth(3), '#sync-now');
  await tap(page, '#settings', '#sizes');
  const [languages, sizes] = [page.locator('.seg').nth(0), page.locator('#sizes')];
  await languages.locator(`button[lang="${language}"]`).tap();
  await until('the language', async () => (await isEnglish(page)) === (language === 'en'));
  await sizes.locator('button').nth(SIZES.indexOf(size)).tap();
  await until('the size', async () => (await page.locator('.app').getAttribute('style')).trim().endsWith(String(size / 100)));
  await seen();
  await tap(page, '#back', '#sync-now');
  await tap(page, page.locator('.tab').nth(0), '.tab:nth-child(1)[aria-current="page"]');
}

async function series(url, variant) {
  const { name, language } = variant;
  const page = await opened(url, variant);
  const picture = (screen) => keep(page, variant, screen);
  await unlock(page);
  await dress(page, variant, async () => {
    await picture('settings');
    await scroll(page, true);
    await picture('settings-end');
    await tap(page, '#hide', '#curtain');
    await picture('curtain');
    await tap(page, '#curtain', '#sizes');
  });
  await tap(page, page.locator('.tab').nth(3), '#sync-now');
  await textOf(page, '#pill', /同期済み|[Ss]ynced|Up to date|未送信|nsent/, 30_000);
  await scroll(page, false);
  await picture('sync');
  await scroll(page, true);
  await picture('sync-end');

  await tap(page, page.locator('.tab').nth(0), '.card.visit');
  await picture('today');
  await tap(page, '#chart-oncall-title', '.back');
  await picture('on-call');
  await tap(page, '.back', '.card.visit');
  await tap(page, '#chart-search-title', '#search-words');
  await page.locator('#search-words').fill('心不全');
  await page.waitForSelector('main .card .line');
  await picture('search');
  await tap(page, '.back', '.card.visit');
  await tap(page, page.locator('.tab').nth(1), '#search');
  await page.waitForSelector('.card.cardlink');
  await picture('patients');
  await tap(page, page.locator('.tab').nth(2), '.tab:nth-child(3)[aria-current="page"]');
  await picture('notes');
  await tap(page, '#manager', '.back');
  await picture('manager');
  await tap(page, '.back', '#manager');
  await tap(page, page.locator('.tab').nth(0), '.card.visit');

  await tap(page, page.locator('.card.visit.next .cardlink').first(), '#start');
  await picture('patient');
  await scroll(page, true);
  await picture('patient-end');
  await scroll(page, false);
  await tap(page, '#chart-tab-calendar', '.week');
  await picture('calendar');
  await page.locator('main .seg').nth(1).locator('button').nth(1).tap();
  await page.waitForSelector('.week.month');
  await picture('month');
  await tap(page, '#chart-tab-trends', '.trendrow, .empty');
  await picture('trends');
  await tap(page, '#board-tab', '#board');
  await picture('board');
  await tap(page, '#board-tab-documents', '[data-form="care_plan"]');
  await picture('documents');
  await tap(page, page.locator('[data-form="care_plan"] :is(.cardlink, .chip)').first(), '#next');
  await picture('plan');
  await tap(page, '#section-confirm', '#confirm');
  await picture('plan-review');
  await tap(page, '.back', '#start');
  await tap(page, '#start', '.vit');
  for (const [id, digits] of [['temperature_c', '37.2'], ['systolic_mmhg', '182'], ['diastolic_mmhg', '96'], ['pulse_bpm', '999']]) {
    await byId(page, id).fill(digits);
    await byId(page, id).blur();
  }
  await page.waitForSelector('.f.hi');
  await page.waitForSelector('.f [role="alert"]');
  await scroll(page, false);
  await picture('vitals');
  await tap(page, page.locator('.mini').first(), '.mini[aria-expanded="true"], .vit .chips');
  await page.locator('.vit .chips').first().evaluate((chips) => chips.scrollIntoView({ block: 'center' }));
  await picture('vitals-unmeasured');
  await tap(page, '#section-care', '[id="care.bedbath"]');
  if (!(await page.locator('.chip.on[id="care.bedbath"]').count())) await tap(page, byId(page, 'care.bedbath'), '.chip.on[id="care.bedbath"]');
  await picture('care');
  // The chips that open a sub-record: an ulcer, an emergency visit, the details of bowel care.
  for (const chip of ['care.ulcer', 'care.bowel']) {
    if (!(await page.locator(`.chip.on[id="${chip}"]`).count())) await tap(page, byId(page, chip), `.chip.on[id="${chip}"]`);
  }
  await page.waitForSelector('[data-group="ulcer"]');
  for (const group of ['care.bowel', 'ulcer']) {
    await page.locator(`[data-group="${group}"]`).first().scrollIntoViewIfNeeded();
    await page.locator(`[data-group="${group}"]`).first().evaluate((card) => card.scrollIntoView({ block: 'start' }));
    await picture(group.replace('.', '-'));
  }
  await scroll(page, false);
  await tap(page, '#section-texts', '#condition');
  await byId(page, 'condition').fill(`${WORDS}（${name}）`);
  await textOf(page, '#chip', language === 'ja' ? /保存済|受領済/ : /saved|received/i);
  await picture('texts');
  await tap(page, '#photo-section', '#photo-file');
  await picture('photos');
  await tap(page, '#section-confirm', '#end-now');
  await picture('confirm');
  await scroll(page, true);
  await picture('confirm-end');
  await tap(page, '#history', '.card.compared');
  await picture('history');
  await tap(page, '.back', '#close-note');
  await tap(page, '#close-note', '#leave-visit');
  await picture('leave-visit');
  await tap(page, '#leave-visit', '#close-reason');
  await until('the question to go', async () => !(await page.locator('.ask').count()));
  await picture('close');
  await tap(page, page.locator('main .chips').nth(1).locator('.chip').first(), '#right-patient');
  await page.locator('#right-patient').fill('タ');
  await tap(page, page.locator('main .opt').first(), '.opt[aria-pressed="true"]');
  await page.locator('#right-patient').evaluate((field) => field.scrollIntoView({ block: 'center' }));
  await picture('close-right-patient');
  await tap(page, '.back', '#close-note');
  await tap(page, '.back', '#start');
  await tap(page, '.back', '.tabs, #leave-visit');
  if (await page.locator('#leave-visit').count()) await tap(page, '#leave-visit', '.tabs');

  // In front of the records it looks as she has chosen behind them.
  await tap(page, page.locator('.tab').nth(3), '#sync-now');
  await tap(page, '#settings', '#lock');
  await tap(page, '#lock', '.pad');
  await picture('unlock');
  await tap(page, '#switch', '#add');
  await picture('choose');
  await tap(page, '#add', '#invite');
  await picture('enrol-another');
  await page.context().close();
}

/** What axe-core says against WCAG 2.2 AA. */
async function inaccessible(page) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE);
  const found = await page.evaluate(async (values) => {
    const { violations } = await window.axe.run(document, { runOnly: { type: 'tag', values } });
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => ({ id, target: node.target.join(' '), html: node.html.slice(0, 120) })));
  }, RULES);
  const real = [];
  for (const one of found) {
    // Half under the bar that stays at the bottom it is small; whoever scrolls has all of it.
    const whole = one.id === 'target-size' && (await page.evaluate(async (target) => {
      document.querySelector(target).scrollIntoView({ block: 'center' });
      return !(await window.axe.run(target, { runOnly: ['target-size'] })).violations.length;
    }, one.target));
    if (!whole) real.push(`${one.id}: ${one.target} — ${one.html}`);
  }
  return real;
}

/** To the end of the screen, or back to its beginning. Large text scrolls the whole page, its head too. */
async function scroll(page, end) {
  await page.evaluate((end) => {
    for (const box of document.querySelectorAll('.screen, main')) box.scrollTop = end ? box.scrollHeight : 0;
  }, end);
}

/** In the page: what is wider than its box, stands beyond the page's edge, or is torn where app/src/text/tied.rs has tied it. */
function outside() {
  const found = [];
  const name = (e) => `${e.tagName.toLowerCase()}${e.id ? `#${e.id}` : ''}${[...e.classList].map((c) => `.${c}`).join('')} ${JSON.stringify((e.textContent ?? '').trim().slice(0, 40))}`;
  if (document.documentElement.scrollWidth > innerWidth) found.push(`the page scrolls sideways: ${document.documentElement.scrollWidth} of ${innerWidth}`);
  for (const element of document.querySelectorAll('.app *:not(.hidden, svg *, .row:has(> .mini))')) {
    const box = element.getBoundingClientRect();
    if (box.width && (box.right > innerWidth + 1 || box.left < -1)) found.push(`${name(element)} reaches from ${Math.round(box.left)} to ${Math.round(box.right)}`);
    if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth && getComputedStyle(element).display !== 'inline' && !element.matches('input')) found.push(`${name(element)} holds ${element.scrollWidth} in ${element.clientWidth}`);
    if (element.matches('button:not(.day)') && box.width && (box.height < 43.5 || box.width < 43.5)) found.push(`${name(element)} is a target of ${Math.round(box.width)} × ${Math.round(box.height)}`);
  }
  for (const title of document.querySelectorAll('.app:not(.large) h1.long')) {
    const lines = Math.round(title.getBoundingClientRect().height / parseFloat(getComputedStyle(title).lineHeight));
    if (lines > 2) found.push(`${name(title)} stands on ${lines} lines`);
  }
  // What a tie holds together: the word, or the one kanji, on each side of it. A line may break behind a slash that is not tied.
  const word = '(?:[\\p{sc=Latin}\\p{sc=Greek}\\p{N}.,:+×⁻()]+[-/]?|[^\\s\\u2060])';
  const tied = new RegExp(`${word}(?:[\\u00a0\\u2060]${word})+`, 'gu');
  const texts = document.createTreeWalker(document.querySelector('.app'), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (text.parentElement.closest('.hidden, svg, textarea')) continue;
    for (const { 0: run, index } of text.data.matchAll(tied)) {
      // Of a word that hyphens may part only the letter beside the tie.
      const long = (side) => Math.max(0, (side.exec(run)?.[0].length ?? 0) - 1);
      const range = document.createRange();
      range.setStart(text, index + long(/^\p{L}{10,}/u));
      range.setEnd(text, index + run.length - long(/\p{L}{10,}$/u));
      const lines = new Set([...range.getClientRects()].filter(({ width }) => width).map(({ top }) => Math.round(top)));
      if (lines.size > 1) found.push(`${name(text.parentElement)} tears ${JSON.stringify(run)}`);
    }
  }
  return [...new Set(found)];
}
