// Every field that takes words, typed in at 5 ms a key or composed: what the field shows and what the app has taken is what was typed.

import assert from 'node:assert/strict';
import { PATIENT, byId, openEnrolled, plain, tap, textOf, until } from './harness.mjs';
import { CARE_GIVEN, COMPOSED, CONDITION, VITALS, compose, composeSlowly, confirmNote, picture, rested, saved, startVisit, stories, typeFast, typeVitals } from './steps.mjs';

const story = stories();
/** Into fields of 40 characters. */
const SHORT = '仮野つばき、かりの ツバキ𠮷田 2mm（左）';

async function begun(world, browser) {
  await world.startHub();
  const { page, data } = await openEnrolled(world, browser, 'nurse-a', 'phone');
  await page.waitForSelector('.card.visit');
  await startVisit(page);
  return { page, data };
}

async function note(world, data) {
  const { note } = (await world.device(data, 'note', 'list'))[0];
  return world.device(data, 'note', 'show', note);
}

async function leaveVisit(page, what, then) {
  await tap(page, what, `#leave-visit, ${then}`);
  if (await page.locator('#leave-visit').count()) await tap(page, '#leave-visit', then);
}

/** Another text for each field: what landed in the wrong one is seen. */
const wordsOf = (id) => `${id}: ${CONDITION}`;

story('every_text_and_every_line_of_a_note_keeps_what_is_typed_fast', async (world, browser) => {
  const { page, data } = await begun(world, browser);
  await tap(page, '#section-texts', '#condition');
  const texts = await page.locator('main textarea').evaluateAll((fields) => fields.map((field) => field.id));
  assert.equal(texts.length, 10);
  for (const id of texts) await typeFast(page, byId(page, id), wordsOf(id));
  // What is asked of an ulcer and of a telephone call brings lines and one more text. The first words of an ulcer bring the next one.
  await tap(page, '#section-care', '[id="care.ulcer"]');
  await tap(page, page.locator('main .chip', { hasText: /24\u2060?時\u2060?間電話/ }), '[data-group="phone"]');
  await tap(page, byId(page, 'care.ulcer'), '[data-group="ulcer"]');
  const lines = await page.locator('main :is(textarea, input.v[maxlength="200"])').evaluateAll((fields) => fields.map((field) => field.id));
  assert.deepEqual(lines.map((id) => id.split('.')[0]).filter((group) => !['ulcer', 'phone'].includes(group)), []);
  for (const id of lines) await typeFast(page, byId(page, id), wordsOf(id));
  await page.locator('h1').first().tap();
  await page.waitForSelector('[id="ulcer.2.site"]');
  assert.equal(await byId(page, 'ulcer.2.site').inputValue(), '', 'the next one is blank');
  await page.locator('h1').first().tap();
  await saved(page);
  await tap(page, '#section-texts', '#condition');
  for (const id of texts) assert.equal(await byId(page, id).inputValue(), wordsOf(id), `${id}, as saved`);
  const { fields } = await note(world, data);
  for (const id of [...texts, ...lines]) assert.equal(fields[id], wordsOf(id), `${id}, in the vault`);
});

story('the_board_and_a_plan_keep_what_is_typed_fast', async (world, browser) => {
  const { page, data } = await begun(world, browser);
  await tap(page, '#to-board', '#board');
  await typeFast(page, byId(page, 'board'), CONDITION);
  await page.locator('h1').first().tap();
  await until('the board in the vault', async () => (await world.device(data, 'handover', 'show', '--patient', world.patient)).text === CONDITION);
  await tap(page, '.back', '.vit');
  await tap(page, '.back', '#board-tab-documents, #start');
  await tap(page, '#board-tab', '#board');
  assert.equal(await byId(page, 'board').inputValue(), CONDITION, 'and where it stands on the patient');
  await tap(page, '#board-tab-documents', '[data-form="care_plan"]');
  await tap(page, page.locator('[data-form="care_plan"] .chip').first(), '#next');
  const typed = new Map();
  for (const section of ['board-section-goals', 'board-section-materials', 'board-section-authors']) {
    await tap(page, `[id="${section}"]`, `[id="${section}"][aria-selected="true"]`);
    for (const id of await page.locator('main :is(textarea, input.v[maxlength="200"])').evaluateAll((fields) => fields.map((field) => field.id))) {
      await typeFast(page, byId(page, id), wordsOf(id));
      typed.set(id, wordsOf(id));
    }
  }
  assert.ok(typed.size > 6, [...typed.keys()].join());
  await page.locator('h1').first().tap();
  await saved(page);
  const { note: plan } = (await world.device(data, 'document', 'list', '--form', 'care_plan', '--patient', world.patient))[0];
  const { fields } = await world.device(data, 'document', 'show', plan);
  for (const [id, words] of typed) assert.equal(fields[id], words, `${id}, in the vault`);
});

story('the_search_is_asked_what_was_typed_and_never_in_the_middle_of_a_composition', async (world, browser) => {
  await world.startHub();
  const { page, data } = await openEnrolled(world, browser, 'nurse-a', 'phone');
  await page.waitForSelector('.card.visit');
  const { note } = await world.device(data, 'note', 'start', '--patient', world.patient);
  await world.deviceSays(data, `${CONDITION}${CARE_GIVEN}`, 'note', 'text', note, 'condition');
  await tap(page, '#chart-search-title', '#search-words');
  const search = page.locator('#search-words');
  await page.waitForSelector('.card.empty');
  await typeFast(page, search, CONDITION);
  await until('what was written', async () => /1件/.test(plain(await page.locator('main [role="status"]').textContent())));
  await page.waitForSelector('main .card .line');
  assert.equal(await search.inputValue(), CONDITION, 'results have come, and no letter has gone');

  // Composed, with a rest that is longer than the one after which it is asked.
  await search.fill('');
  await page.waitForSelector('.card.empty');
  const during = [];
  const look = async () => during.push([await search.inputValue(), await page.locator('main .card.empty').count()]);
  await composeSlowly(page, search, COMPOSED.slice(0, 1), look);
  assert.deepEqual(during, COMPOSED[0].readings.map((reading) => [reading, 1]), 'nothing is found while it is being composed, and nothing of it is lost');
  await page.waitForSelector('main .card .line');
  assert.equal(await search.inputValue(), COMPOSED[0].chosen);
  await compose(page, search, COMPOSED.slice(1));
  assert.equal(await search.inputValue(), CARE_GIVEN);
  await until('the whole of it', async () => /1件/.test(plain(await page.locator('main [role="status"]').textContent())));

  // And the patients' own field.
  await tap(page, '.back', '.card.visit');
  await tap(page, page.locator('.tab').nth(1), '#search');
  await page.waitForSelector('.card.cardlink');
  await typeFast(page, page.locator('#search'), SHORT);
  await textOf(page, 'main', /見つかりません/);
  assert.equal(await page.locator('#search').inputValue(), SHORT);
  await page.locator('#search').fill('');
  await compose(page, page.locator('#search'), [{ readings: ['k', 'か', 'かり', 'かりの'], chosen: 'カリノ' }]);
  await textOf(page, '.card.cardlink .nm', new RegExp(PATIENT.name));
  assert.equal(await page.locator('#search').inputValue(), 'カリノ');
});

story('what_is_said_of_a_photo_and_why_no_visit_took_place_keeps_every_letter', async (world, browser) => {
  const { page, data } = await begun(world, browser);
  await tap(page, '#photo-section', '#photo-file');
  await page.locator('#photo-file').setInputFiles({ name: 'IMG_0001.png', mimeType: 'image/png', buffer: picture() });
  await page.waitForSelector('#photo-take');
  await typeFast(page, byId(page, 'photo-site'), wordsOf('site'));
  await typeFast(page, byId(page, 'photo-caption'), wordsOf('caption'));
  await page.locator('#photo-consent').tap();
  await tap(page, '#photo-take', '#photos figure img');
  const { fields, row } = await note(world, data);
  assert.deepEqual([fields['photo.1.body_site'], fields['photo.1.caption']], [wordsOf('site'), wordsOf('caption')], JSON.stringify(row));

  await tap(page, '#section-confirm', '#close-note');
  await leaveVisit(page, '#close-note', '#close-reason');
  await page.locator('main .chip', { hasText: '利用者違い' }).tap();
  await page.waitForSelector('#right-patient');
  await typeFast(page, page.locator('#right-patient'), SHORT);
  await typeFast(page, page.locator('#close-reason'), CONDITION);
  assert.equal(await page.locator('#right-patient').inputValue(), SHORT);
  await page.locator('main .chip', { hasText: '不在' }).tap();
  await page.waitForSelector('#right-patient', { state: 'detached' });
  assert.equal(await page.locator('#close-reason').inputValue(), CONDITION, 'another choice leaves the reason as it stands');
  await tap(page, '#close:not([disabled])', '#confirm-not-visited');
  assert.equal((await note(world, data)).fields.outcome_reason, CONDITION);
});

story('a_correction_and_its_reason_are_signed_as_they_were_typed_and_as_they_were_composed', async (world, browser) => {
  const { page, data } = await begun(world, browser);
  await typeVitals(page, VITALS);
  await tap(page, '#section-texts', '#condition');
  await typeFast(page, byId(page, 'condition'), '安定。');
  await rested(page);
  await confirmNote(page);

  const correct = async (write) => {
    await tap(page, '#amend', '.pick');
    await tap(page, page.locator('.pick', { hasText: '利用者の状態' }).first(), '#new-value');
    await write(page.locator('#new-value'), page.locator('#amend-reason'));
    await tap(page, '#sign:not([disabled])', '#amend');
  };
  await correct(async (value, reason) => {
    await value.fill('');
    await typeFast(page, value, CONDITION);
    await typeFast(page, reason, wordsOf('reason'));
    assert.equal(await value.inputValue(), CONDITION, 'the preview has followed every key, and taken none');
  });
  await correct(async (value, reason) => {
    await value.fill('');
    await composeSlowly(page, value, COMPOSED.slice(0, 1), async (reading) => assert.equal(await value.inputValue(), reading));
    await compose(page, value, COMPOSED.slice(1));
    assert.equal(await value.inputValue(), CARE_GIVEN);
    await compose(page, reason, COMPOSED);
    assert.equal(await reason.inputValue(), CARE_GIVEN);
  });
  const { amendments, fields } = await note(world, data);
  assert.deepEqual(amendments.map(({ before, after, reason }) => [before, after, reason]), [['安定。', CONDITION, wordsOf('reason')], [CONDITION, CARE_GIVEN, CARE_GIVEN]]);
  assert.equal(fields.condition, CARE_GIVEN);
});

story('a_phrase_of_her_own_is_kept_as_it_was_typed', async (world, browser) => {
  await world.startHub();
  const { page } = await openEnrolled(world, browser, 'nurse-a', 'phone');
  await page.waitForSelector('.card.visit');
  await tap(page, page.locator('.tab').nth(3), '#settings');
  await tap(page, '#settings', '#new-phrase');
  await typeFast(page, page.locator('#new-phrase'), CONDITION);
  await page.locator('#add-phrase').tap();
  await textOf(page, '#phrases .line .grow', new RegExp(`^${CONDITION}$`));
  assert.equal(await page.locator('#new-phrase').inputValue(), '', 'and the field is ready for another one');
  await compose(page, page.locator('#new-phrase'), COMPOSED);
  await page.locator('#add-phrase').tap();
  await until('both', async () => (await page.locator('#phrases .line .grow').allTextContents()).join() === [CONDITION, CARE_GIVEN].join());
});
