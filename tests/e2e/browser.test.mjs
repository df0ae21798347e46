// The app as a page in headless Chromium: a phone of 390 × 844, touched and typed on.

import assert from 'node:assert/strict';
import { ALLERGY, DRUG, PATIENT, SECRETS, ask, byId, openEnrolled, pause, tap, textOf, until } from './harness.mjs';
import { CARE_GIVEN, COMPOSED, CONDITION, VITALS, compose, confirmNote, picture, receipted, rested, saved, startVisit, stories, typeFast, typeVitals } from './steps.mjs';

const story = stories();

story('a_note_written_with_the_hub_stopped_is_receipted_when_it_returns', async (world, browser) => {
  await world.startHub();
  const { page, data } = await openEnrolled(world, browser, 'nurse-a', 'phone');

  // The visit arrives by itself.
  await textOf(page, '.card.visit .nm', new RegExp(`^${PATIENT.name}$`), 30_000);
  await tap(page, page.locator('.card.visit .cardlink').first(), '#start');
  await textOf(page, '.strip', new RegExp(ALLERGY));
  assert.match(await page.locator('main').textContent(), new RegExp(`${DRUG}[^]*1日1回 朝食後`), 'the prescription stands there');

  // From here on there is no hub.
  await world.killHub();
  await tap(page, '#start', '.vit');
  await typeVitals(page, VITALS);
  await tap(page, '#section-care', '[id="care.bedbath"]');
  await tap(page, byId(page, 'care.bedbath'), '.chip.on[id="care.bedbath"]');

  // Letters, as fast as no thumb types.
  await tap(page, '#section-texts', '#condition');
  const condition = byId(page, 'condition');
  await typeFast(page, condition, CONDITION);
  await rested(page);
  assert.equal(await condition.inputValue(), CONDITION, 'and still has it once it is saved');

  // Composition; and a rest in the middle of it that is longer than any pause of the pen.
  const careGiven = byId(page, 'care_given');
  const cdp = await page.context().newCDPSession(page);
  await careGiven.tap();
  await cdp.send('Input.imeSetComposition', { text: 'せいし', selectionStart: 3, selectionEnd: 3 });
  await pause(1_600);
  const { note } = (await world.device(data, 'note', 'list'))[0];
  const resting = await world.device(data, 'note', 'show', note);
  assert.equal(resting.fields.care_given, undefined, 'a composition that is still open is not yet her words');
  await cdp.send('Input.imeSetComposition', { text: '', selectionStart: 0, selectionEnd: 0 });
  await cdp.detach();
  await compose(page, careGiven, COMPOSED);
  assert.equal(await careGiven.inputValue(), CARE_GIVEN);
  await rested(page);

  // Away and back: what is shown now comes from the vault.
  await tap(page, '#section-vitals', '.vit');
  for (const [id, digits] of Object.entries(VITALS)) assert.equal(await byId(page, id).inputValue(), digits, id);
  await tap(page, '#section-texts', '#condition');
  assert.equal(await condition.inputValue(), CONDITION);
  assert.equal(await careGiven.inputValue(), CARE_GIVEN, 'composed once, saved once');

  // A photo of the wound: with consent and site or not at all, and still without signal.
  await tap(page, '#photo-section', '#photo-file');
  await page.locator('#photo-file').setInputFiles({ name: 'IMG_0001.png', mimeType: 'image/png', buffer: picture() });
  await page.waitForSelector('#photo-take');
  await tap(page, '#photo-take', '#photo-new [role="alert"]');
  await byId(page, 'photo-site').fill('仙骨部');
  await page.locator('#photo-consent').tap();
  await tap(page, '#photo-take', '#photos figure img');

  // 確定
  await confirmNote(page);
  await textOf(page, '.strip.calm', /^確定 看護師 A/);
  await saved(page);
  await textOf(page, '#pill', /^オフライン · 未送信 1件$/);

  // The hub is back.
  await world.startHub();
  await receipted(page, 60_000);
  await textOf(page, '#pill', /^同期済み \d+:\d\d$/);

  const listed = await world.admin('note', 'list');
  assert.deepEqual(listed.map((row) => [row.note, row.state, row.author, row.patient]), [[note, 'confirmed', 'nurse-a', world.patient]]);
  const exported = await world.admin('note', 'export', note, '--format', 'json');
  await until('the photo at the hub', async () => (await world.device(data, 'photo', 'list', note))[0]?.received_at);
  assert.equal(exported.fields.condition, CONDITION);
  assert.equal(exported.fields.care_given, CARE_GIVEN);
  assert.equal(exported.fields['care.bedbath'], true);
  for (const [id, digits] of Object.entries(VITALS)) assert.equal(exported.fields[id], Number(digits), id);
  assert.equal((await world.admin('note', 'verify', note)).verdict, 'valid');
});

story('every_digit_typed_fast_stays_in_its_field', async (world, browser) => {
  await world.startHub();
  const { page, data } = await openEnrolled(world, browser, 'nurse-a', 'phone');
  await page.waitForSelector('.card.visit');
  await startVisit(page);
  const all = {
    temperature_c: '37.2', pulse_bpm: '104', respiration_bpm: '18', systolic_mmhg: '182', diastolic_mmhg: '101',
    spo2_percent: '91', oxygen_l_per_min: '2.5', weight_kg: '48.6', pain_nrs: '7', blood_glucose_mg_dl: '312', consciousness_jcs: '10',
  };
  const shown = await page.locator('.vit input.v').evaluateAll((fields) => fields.map((field) => field.id));
  assert.deepEqual(shown.toSorted(), Object.keys(all).toSorted(), 'every vital sign that the form has is typed here');
  await typeVitals(page, all);
  await page.locator('h1').first().tap();
  for (const [id, digits] of Object.entries(all)) assert.equal(await byId(page, id).inputValue(), digits, `${id}, as typed`);
  await tap(page, '#section-care', '[id="care.bedbath"]');
  await tap(page, '#section-vitals', '.vit');
  for (const [id, digits] of Object.entries(all)) assert.equal(await byId(page, id).inputValue(), digits, `${id}, as saved`);
  const { note } = (await world.device(data, 'note', 'list'))[0];
  const { fields } = await world.device(data, 'note', 'show', note);
  for (const [id, digits] of Object.entries(all)) assert.equal(fields[id], Number(digits), `${id}, in the vault`);
});

story('a_letter_taken_back_leaves_no_typing_on_the_chip', async (world, browser) => {
  await world.startHub();
  const { page } = await openEnrolled(world, browser, 'nurse-a', 'phone');
  await page.waitForSelector('.card.visit');
  await startVisit(page);
  await tap(page, '#section-texts', '#condition');
  await byId(page, 'condition').tap();
  await page.keyboard.type('咳', { delay: 5 });
  await textOf(page, '#chip', /^入力中$/);
  await page.keyboard.press('Backspace');
  assert.equal(await byId(page, 'condition').inputValue(), '');
  // Nothing is unsaved, and nothing is typed any more.
  await textOf(page, '#chip', /^(端末に保存済|ハブ受領済)/, 5_000);
});

story('a_curtain_takes_every_word_off_the_page_and_gives_the_typed_ones_back', async (world, browser) => {
  await world.startHub();
  const { page } = await openEnrolled(world, browser, 'nurse-a', 'phone');
  await page.waitForSelector('.card.visit');
  await startVisit(page);
  await tap(page, '#section-texts', '#condition');
  await byId(page, 'condition').tap();
  await page.keyboard.type(CONDITION, { delay: 5 });
  // In the middle of it: no pause of the pen comes first.
  await tap(page, '#hide', '#curtain');
  const left = await page.evaluate(() => document.body.outerHTML + [...document.querySelectorAll('input, textarea')].map((field) => field.value).join());
  for (const word of [...SECRETS, CONDITION]) assert.ok(!left.includes(word), `${word} stands behind the curtain`);
  await tap(page, '#curtain', '#condition');
  assert.equal(await byId(page, 'condition').inputValue(), CONDITION, 'where it was left, as it was typed');
});

story('a_curtain_drawn_without_leaving_the_field_keeps_half_a_word', async (world, browser) => {
  await world.startHub();
  const { page } = await openEnrolled(world, browser, 'nurse-a', 'phone');
  await page.waitForSelector('.card.visit');
  await startVisit(page);
  await tap(page, '#section-texts', '#condition');
  await typeFast(page, byId(page, 'condition'), '咳あり。');
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Input.imeSetComposition', { text: 'ふしゅ', selectionStart: 3, selectionEnd: 3 });
  // As a voice or a switch does it, and the lock that comes by itself: the field keeps the focus.
  await page.evaluate(() => document.querySelector('#hide').click());
  await page.waitForSelector('#curtain');
  await tap(page, '#curtain', '#condition');
  assert.equal(await byId(page, 'condition').inputValue(), '咳あり。ふしゅ');
});

story('at_h4_during_a_visit_the_way_to_others_is_asked_about', async (world, browser) => {
  await world.startHub();
  const { page } = await openEnrolled(world, browser, 'nurse-a', 'phone');
  await page.waitForSelector('.card.visit');
  await startVisit(page);
  await page.waitForSelector('.visitbar');
  await tap(page, '.back', '#start');
  await tap(page, '.back', '#leave-visit');
  await page.locator('#stay').tap();
  await page.waitForSelector('#leave-visit', { state: 'detached' });
  await page.waitForSelector('#start');
  await tap(page, '.back', '#leave-visit');
  await tap(page, '#leave-visit', '.tabs');
  await tap(page, page.locator('.tab').nth(1), '#search');
});

story('nothing_leaves_the_page', async (world, browser) => {
  await world.startHub();
  // The most talkative setting: not even then.
  const { page, app } = await openEnrolled(world, browser, 'nurse-a', 'phone', { env: { TSUTSUJI_LOG: 'debug' } });
  await textOf(page, '.card.visit .nm', new RegExp(PATIENT.name), 30_000);
  const places = [];
  const look = async () => places.push(await page.evaluate(async () => ({
    title: document.title,
    location: String(location),
    history: JSON.stringify(history.state),
    local: JSON.stringify(localStorage),
    session: JSON.stringify(sessionStorage),
    cookies: document.cookie,
    databases: JSON.stringify(await indexedDB.databases()),
    resources: performance.getEntriesByType('resource').map((entry) => entry.name).join(' '),
  })));
  await look();
  await startVisit(page);
  await look();
  await tap(page, '#section-texts', '#condition');
  await byId(page, 'condition').tap();
  await page.keyboard.type('仮野つばきさんの秘密の言葉。', { delay: 5 });
  await textOf(page, '#chip', /^(端末に保存済|ハブ受領済)/);
  await look();
  await tap(page, '.back', '#start');
  await look();
  // The visit is under way: whatever shows others is asked about first.
  await tap(page, '.back', '#leave-visit');
  await tap(page, '#leave-visit', '.tabs');
  for (const [tab, then] of [[1, '#search'], [2, '.nm.small'], [3, '#sync-now']]) {
    await tap(page, page.locator('.tab').nth(tab), then);
    await look();
  }
  await tap(page, '#lock', '.pad');
  await look();

  const words = [...SECRETS, '秘密の言葉'];
  for (const place of places) {
    assert.equal(place.title, 'つつじ');
    assert.match(place.location, new RegExp(`^${app.url}[?#]*$`), 'no screen and no patient stands in the address');
    assert.equal(place.cookies, '');
    const everything = decodeURIComponent(JSON.stringify({ ...place, title: '' }));
    for (const word of words) assert.ok(!everything.includes(word), `${word} stands in ${everything}`);
  }
  const port = new URL(app.url).port;
  assert.ok(page.seen.requests.length >= 2, 'the page and its socket were seen');
  for (const url of page.seen.requests) assert.equal(new URL(url).host, `127.0.0.1:${port}`, url);
  for (const line of page.seen.said) for (const word of words) assert.ok(!line.includes(word), `the console says ${line}`);
  for (const word of words) assert.ok(!world.printed.includes(word), `a process printed ${word}`);
});

story('another_origin_and_a_foreign_host_name_are_refused', async (world, browser) => {
  const app = await world.startPage(world.newData('phone'));
  const { host, port } = new URL(app.url);
  const socket = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dHN1dHN1amktdHN1dHN1eg==' };
  const door = `${app.url}ws`;

  assert.equal(await ask(app.url, {}), 200);
  assert.equal(await ask(app.url, { Host: `localhost:${port}` }), 200);
  for (const name of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:${Number(port) + 1}`, `127.0.0.1.evil.example:${port}`]) {
    assert.equal(await ask(app.url, { Host: name }), 403, `the page to ${name}`);
    assert.equal(await ask(door, { ...socket, Host: name, Origin: `http://${host}` }), 403, `the socket to ${name}`);
    assert.equal(await ask(door, { ...socket, Host: name, Origin: `http://${name}` }), 403, `the socket to and from ${name}`);
  }

  assert.equal(await ask(door, { ...socket, Origin: `http://${host}` }), 101, 'our own page may speak');
  for (const origin of ['http://evil.example', `https://${host}`, 'http://127.0.0.1', `http://127.0.0.1:${Number(port) + 1}`, `http://${host}.evil.example`, 'null']) {
    assert.equal(await ask(door, { ...socket, Origin: origin }), 403, `a page of ${origin}`);
  }
  assert.equal(await ask(door, socket), 403, 'and no origin is no page of ours');

  // The same from a browser: a page of another origin on this very machine.
  const page = await (await browser.newContext()).newPage();
  await page.route('http://evil.example/', (route) => route.fulfill({ contentType: 'text/html', body: '<title>x</title>' }));
  await page.goto('http://evil.example/');
  const outcome = await page.evaluate((url) => new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onopen = () => resolve('open');
    socket.onerror = () => resolve('refused');
  }), door.replace('http', 'ws'));
  assert.equal(outcome, 'refused');
});
