// **Owns**: what feel.mjs does inside the page — keys, taps, and when something of them is on the screen.
// **Called by**: feel.mjs, through WebKit's inspector: each function here travels as its text and knows nothing from outside itself.
// **May touch**: the page it is put into; `window.feel` is its one name there.
// **Never**: a time that is asserted.

/**
 * Puts `window.feel` into the page. WebKit's clock here counts whole milliseconds.
 *
 * "Painted" is the second animation frame after the work: the first one begins the frame that shows it, the second begins
 * when that frame is out.
 */
export function install() {
  const now = () => performance.now();
  const one = (selector) => document.querySelector(selector);
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const painted = async () => {
    await frame();
    await frame();
    return now();
  };

  /** When `holds` came true: after a change of the page, or null after so many milliseconds. */
  const when = (holds, ms, where = document.body) =>
    new Promise((resolve) => {
      let late;
      const watcher = new MutationObserver(() => {
        if (!holds()) return;
        watcher.disconnect();
        clearTimeout(late);
        resolve(now());
      });
      watcher.observe(where, { subtree: true, childList: true, attributes: true, characterData: true });
      late = setTimeout(() => {
        watcher.disconnect();
        resolve(null);
      }, ms);
    });

  /** A key as the app hears it: first the key, then the field's input through the same editing command. */
  const press = (field, letter) => {
    const key = letter ?? 'Backspace';
    field.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    document.execCommand(letter ? 'insertText' : 'delete', false, letter ?? null);
  };

  const number = (text) => Number((text.match(/[\d,]+/)?.[0] ?? '').replaceAll(',', ''));

  /**
   * Types letters (null: one back), one every `every` ms. Of each: `handled`, when the page's thread was free again (Rust has
   * heard it by then); `painted`; `answered`, when what Rust writes for it had arrived. With `counter` that is the element
   * that counts the field's letters; with `list` any change in there, and the next key waits for it, `most` ms at most.
   */
  const keys = async ({ field: selector, letters, every, counter, list, most = 2_000 }) => {
    const field = one(selector);
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
    const results = [];
    let due = now();
    for (const letter of letters) {
      const begun = now();
      press(field, letter);
      const handled = now() - begun;
      const length = [...field.value].length;
      const counted = () => number(one(counter)?.textContent ?? '') >= length;
      const answer = counter ? when(counted, most) : list ? when(() => true, most, one(list)) : null;
      const paint = painted();
      results.push({ begun, handled, paint, answer });
      due += every;
      if (list) await answer;
      await wait(Math.max(1, due - now()));
      // A page that was busy for longer than a key lasts goes on from there: no burst that nobody types.
      due = Math.max(due, now() - 1);
    }
    const whole = [];
    for (const { begun, handled, paint, answer } of results) {
      const answered = answer && (await answer);
      whole.push({ handled, painted: (await paint) - begun, answered: answered === null ? null : answered - begun });
    }
    return whole;
  };

  /** Types a word, rests, and says when the list had what the word asks for; then empties the field again. */
  const words = async ({ field: selector, words: all, every, list, empty }) => {
    const results = [];
    for (const word of all) {
      const field = one(selector);
      field.focus();
      let begun;
      for (const letter of word) {
        begun = now();
        press(field, letter);
        if (letter !== [...word].at(-1)) await wait(every);
      }
      const answered = await when(() => !one(empty), 10_000, one(list));
      results.push({ answered: answered === null ? null : answered - begun, painted: (await painted()) - begun });
      const emptied = when(() => !!one(empty), 10_000, one(list));
      field.select();
      press(field, null);
      await emptied;
    }
    return results;
  };

  const finger = (element) => {
    for (const type of ['pointerdown', 'pointerup']) {
      element.dispatchEvent(new PointerEvent(type, { bubbles: true, cancelable: true, pointerType: 'touch', isPrimary: true }));
    }
  };

  /** Taps, and says when `then` stood there and when it was painted. Counted from the finger's leaving the glass. */
  const tap = async ({ name, tap: selector, nth = 0, then, last = false, changes, most = 20_000 }) => {
    const all = document.querySelectorAll(selector);
    const element = last ? all[all.length - 1] : all[nth % Math.max(1, all.length)];
    if (!element) throw new Error(`${name}: nothing to tap under ${selector}`);
    const before = changes && one(changes)?.textContent;
    const holds = () => (changes ? one(changes)?.textContent !== before : !!one(then));
    if (holds()) throw new Error(`${name}: ${then} stands there before the tap`);
    element.scrollIntoView({ block: 'nearest' });
    await painted();
    finger(element);
    const begun = now();
    const arrives = when(holds, most);
    element.click();
    const handled = now() - begun;
    const arrived = await arrives;
    if (arrived === null) throw new Error(`${name}: waited ${most} ms in vain for ${then ?? changes}`);
    const seen = await painted();
    return { name, handled, arrived: arrived - begun, painted: seen - begun, elements: document.body.querySelectorAll('*').length };
  };

  /** Taps one after the other, with a rest between. A step with `if` is left out where that is not there. */
  const walk = async ({ steps, rest }) => {
    const results = [];
    for (const step of steps) {
      if (step.if && !one(step.if)) continue;
      const result = await tap(step);
      if (!step.unmeasured) results.push(result);
      await wait(rest);
    }
    return results;
  };

  /** Whether frames come, and how often. A window that WebKit thinks hidden has none. */
  const frames = async ({ count, most }) => {
    const begun = now();
    let seen = 0;
    const all = (async () => {
      while (seen < count) {
        await frame();
        seen += 1;
      }
    })();
    await Promise.race([all, wait(most)]);
    return { seen, every: seen ? (now() - begun) / seen : null, visible: document.visibilityState };
  };

  const jobs = { keys, words, walk, frames };
  window.feel = {
    begin(name, job) {
      window.feel.end = null;
      jobs[name](job).then(
        (result) => (window.feel.end = { result }),
        (error) => (window.feel.end = { error: String(error?.message ?? error) }),
      );
    },
    end: null,
  };
}

/** When the page began, and its first paint with something in it, by the wall clock. */
export function firstPaint() {
  const entry = performance.getEntriesByType('paint').find((paint) => paint.name === 'first-contentful-paint');
  return { began: performance.timeOrigin, painted: entry ? performance.timeOrigin + entry.startTime : null };
}
