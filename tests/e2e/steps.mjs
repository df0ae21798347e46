// **Owns**: what a nurse does with her thumbs, for the stories told in the browser.
// **Called by**: the stories beside it.
// **May touch**: the page that it is handed.
// **Never**: waits without an end.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import { World, byId, pause, startBrowser, tap, textOf, until } from './harness.mjs';

/** Typed at 5 ms per key; kana, kanji, digits, punctuation, a half-width word and a letter beyond the first plane. */
export const CONDITION =
  'バイタル安定。食事は全量摂取、夜間の咳嗽あり。下肢浮腫は左足背に軽度、圧痕2mm。SpO₂ 96%（室内気）。𠮷田様の創部は乾燥、滲出なし。次回は創部の写真を撮影する。';
/** Composed: reading by reading, then chosen. */
export const COMPOSED = [
  { readings: ['s', 'せ', 'せい', 'せいしき', '清拭'], chosen: '清拭' },
  { readings: ['と', 'とz', 'とじ', 'とじっ', '、と実施'], chosen: 'と更衣を実施' },
  { readings: ['。', '。ほ', '。ほしつ', '。保湿'], chosen: '。保湿剤を塗布した。' },
];
export const CARE_GIVEN = COMPOSED.map(({ chosen }) => chosen).join('');
export const VITALS = { temperature_c: '36.8', pulse_bpm: '72', systolic_mmhg: '128', diastolic_mmhg: '70', spo2_percent: '96' };

/** Stories of one file share a browser; each has a world of its own, which ends with it. `work` is told the world and the browser. */
export function stories() {
  let browser;
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser?.close());
  return (name, work, options = {}) => {
    test(name, { timeout: 180_000, ...options }, async () => {
      const world = await World.make();
      try {
        await work(world, browser);
        assert.doesNotMatch(world.printed, /internal error/, 'nothing in the app or the hub has given up');
      } finally {
        for (const context of browser.contexts()) await context.close();
        await world.close();
      }
    });
  };
}

/** From 今日 to the open form, over the patient's screen. */
export async function startVisit(page) {
  await tap(page, page.locator('.card.visit .cardlink').first(), '#start');
  await tap(page, '#start', '.vit');
}

export async function typeVitals(page, vitals) {
  for (const [id, digits] of Object.entries(vitals)) {
    await byId(page, id).tap();
    await page.keyboard.type(digits, { delay: 5 });
  }
}

/** 5 ms a key, into a field that is empty; and not one letter lost. */
export async function typeFast(page, field, text) {
  await field.tap();
  await page.keyboard.type(text, { delay: 5 });
  assert.equal(await field.inputValue(), text, 'the field has every letter');
}

/** Chromium's own composition: what an input method does, not what a script pretends. */
export async function compose(page, field, parts) {
  const cdp = await page.context().newCDPSession(page);
  await field.tap();
  for (const { readings, chosen } of parts) {
    for (const text of readings) {
      await cdp.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length });
    }
    await cdp.send('Input.insertText', { text: chosen });
  }
  await cdp.detach();
}

/** The same with a rest after every reading, longer than any pause of the app's; `look` sees the field in the middle of it. */
export async function composeSlowly(page, field, parts, look) {
  const cdp = await page.context().newCDPSession(page);
  await field.tap();
  for (const { readings, chosen } of parts) {
    for (const text of readings) {
      await cdp.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length });
      await pause(600);
      await look(text);
    }
    await cdp.send('Input.insertText', { text: chosen });
  }
  await cdp.detach();
}

export const saved = (page) => textOf(page, '#chip', /^端末に保存済 \d+:\d\d:\d\d$/);
export const receipted = (page, ms) => textOf(page, '#chip', /^ハブ受領済 \d+:\d\d$/, ms);

/** The pen rests: first the chip has seen the letters, then they are safe. */
export async function rested(page) {
  await textOf(page, '#chip', /^入力中$/);
  await saved(page);
}

/** 確定: the end, two different times, the button. */
export async function confirmNote(page) {
  await tap(page, '#section-confirm', '#end-now');
  await page.locator('#end-now').tap();
  await until('an end', () => byId(page, 'ended_at').inputValue());
  if ((await byId(page, 'started_at').inputValue()) === (await byId(page, 'ended_at').inputValue())) {
    // The test is faster than a visit: both fell into one minute.
    for (const [id, time] of [['started_at', '9:00'], ['ended_at', '9:30']]) {
      await byId(page, id).tap();
      await page.keyboard.press('Control+A');
      await page.keyboard.type(time, { delay: 5 });
    }
  }
  await page.locator('h1').first().tap();
  await page.waitForSelector('#confirm:not([disabled])');
  await tap(page, '#confirm', '.strip.calm');
}

/** A small PNG of one colour. */
export const picture = () => png(Array(8).fill(Array(8).fill(180)));

/** Pixels that a module of a QR is wide. */
const MODULE = 6;

/** A PNG of a QR that stands in block letters, two rows of modules a line: what is printed is dark. */
export function qrPicture(printed) {
  const lines = printed.split('\n').filter((line) => /^[ ▀▄█]+$/.test(line));
  const row = (line, blocks) => enlarged([...line].map((block) => (blocks.includes(block) ? 0 : 255)));
  return png(enlarged(lines.flatMap((line) => [row(line, '▀█'), row(line, '▄█')])));
}

const enlarged = (all) => all.flatMap((one) => Array(MODULE).fill(one));

/** A PNG of rows of grey pixels. */
function png(rows) {
  const chunk = (kind, body) => {
    const [length, sum, named] = [Buffer.alloc(4), Buffer.alloc(4), Buffer.concat([Buffer.from(kind), body])];
    length.writeUInt32BE(body.length);
    sum.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, sum]);
  };
  const head = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
  head.writeUInt32BE(rows[0].length, 0);
  head.writeUInt32BE(rows.length, 4);
  const lines = Buffer.concat(rows.map((row) => Buffer.from([0, ...row.flatMap((light) => [light, light, light])])));
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head), chunk('IDAT', deflateSync(lines)), chunk('IEND', Buffer.alloc(0))]);
}
