// Every screen, of a good day and of a bad one, three times: large and dark on the narrowest page, small and light on a phone's, a little larger on a narrower one. What is outside the page, too small a target, torn from its unit, or against WCAG 2.2 AA fails.

import { spawnSync } from 'node:child_process';
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from './harness.mjs';

test('every_screen_can_be_read_and_reached_in_both_languages_light_and_dark_small_and_large', () => {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const run = spawnSync(process.execPath, [path.join(here, 'gallery.mjs'), temporaryFolder(), 'dark-en-200-320,light-ja-100,light-ja-125-360'], { encoding: 'utf8' });
  assert.equal(run.status, 0, `${run.stdout}\n${run.stderr}`);
});
