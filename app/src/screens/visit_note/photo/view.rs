//! The photos of a note, on the screen.

use super::update::{Effect, Event, Model, Picture, read_sent, standing, taken_by, update};
use crate::app::{Live, Session};
use crate::components::PictureInput;
use crate::screens::amend::{moment, who};
use crate::screens::form::update::Event as Writing;
use crate::screens::form::{Change, Desk};
use crate::screens::unreadable::Trouble;
use crate::text::{error_words, use_words};
use device::jiff::Timestamp;
use device::record::photo::PHOTO_LIMIT;
use device::record::{ContentHash, DocumentId};
use device::{DeviceError, Phone, PhotoSaid, PhotoShown};
use dioxus::prelude::*;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Characters of a line of the form.
const LINE_LIMIT: usize = 200;

/// By note: what was chosen and not taken yet outlives its screen. A lock forgets it.
#[derive(Clone, Copy, PartialEq)]
pub struct PhotoModels(pub Signal<BTreeMap<DocumentId, Model>>);

/// What the parts of this section work with.
#[derive(Clone, Copy, PartialEq)]
pub struct PhotoDesk {
    send: Callback<Event>,
    models: Signal<BTreeMap<DocumentId, Model>>,
    note: DocumentId,
}

impl PhotoDesk {
    fn model(self) -> Model {
        let models = self.models.read();
        models.get(&self.note).cloned().unwrap_or_default()
    }
}

/// Belongs to the note's screen, not to the section: a photo on its way arrives whichever section stands.
pub fn use_photo_desk(note: DocumentId, form: Desk) -> PhotoDesk {
    let words = use_words();
    let phone = use_context::<Session>().phone.clone();
    let PhotoModels(mut models) = use_context::<PhotoModels>();
    let send = use_callback(move |event: Event| {
        let effects = update(models.write().entry(note).or_default(), event);
        for effect in effects {
            match effect {
                Effect::Take { picture, site, caption, consent } => {
                    let said = PhotoSaid { body_site: &site, caption: &caption, consent };
                    let event = match phone.add_photo(note, picture.bytes(), &said, Timestamp::now()) {
                        Ok(_) => Event::Taken,
                        Err(error) => Event::Refused(error_words(words, &error)),
                    };
                    update(models.write().entry(note).or_default(), event);
                }
                Effect::Remove(hash) => {
                    let event = match phone.remove_photo(note, hash, Timestamp::now()) {
                        Ok(removed) => {
                            // 元に戻す takes it back, as any other change of this screen.
                            form.send.call(Writing::Changed(Change::photo(removed)));
                            Event::Removed(hash)
                        }
                        Err(error) => Event::RemoveFailed(hash, error_words(words, &error)),
                    };
                    update(models.write().entry(note).or_default(), event);
                }
                Effect::Fetch(hash) => {
                    let phone = phone.clone();
                    spawn(async move {
                        let event = match phone.open_photo(note, hash).await {
                            Ok(_) => Event::Fetched(hash),
                            Err(error) => Event::FetchFailed(hash, error_words(words, &error)),
                        };
                        update(models.write().entry(note).or_default(), event);
                    });
                }
            }
        }
    });
    use_effect(move || send.call(Event::Entered));
    PhotoDesk { send, models, note }
}

/// The section of a draft: what is there, a new one, and the way to what is scored of an ulcer.
#[component]
pub fn Photos(desk: PhotoDesk, on_ulcer: EventHandler<()>) -> Element {
    let words = use_words();
    rsx! {
        Taking { desk }
        PhotoList { desk, is_draft: true }
        button { class: "btn g", id: "photo-ulcer", onclick: move |_| on_ulcer.call(()), {words.say("photo-ulcer")} }
    }
}

/// Every photo that the note names, oldest first; nothing where it names none. Of a draft one can be taken away.
#[component]
pub fn PhotoList(desk: PhotoDesk, is_draft: bool) -> Element {
    let words = use_words();
    let live = use_context::<Live>();
    let phone = use_context::<Session>().phone.clone();
    let read = use_memo(move || {
        let _ = (live.revision)();
        phone.note_photos(desk.note).map_err(|error| error_words(words, &error))
    });
    let photos = match read() {
        Ok(photos) => photos,
        Err(error) => return rsx! { p { class: "strip", role: "alert", "{error}" } },
    };
    rsx! {
        if !photos.is_empty() {
            section { class: "card", id: "photos",
                h2 { {words.say("photo-title")} }
                for shown in photos { PhotoCard { key: "{shown.photo.hash}", shown, is_draft, desk } }
            }
        }
    }
}

/// Small until it is tapped, then in full with whose hand took it. One that is not here is read from the hub when asked for.
#[component]
fn PhotoCard(shown: PhotoShown, is_draft: bool, desk: PhotoDesk) -> Element {
    let words = use_words();
    let phone = use_context::<Session>().phone.clone();
    let hash = shown.photo.hash;
    let (open, fetching, failed) = use_memo(move || {
        let model = desk.model();
        (model.open == Some(hash), model.fetching.contains(&hash), model.failed.get(&hash).cloned())
    })();
    let fetched = use_memo(move || desk.model().fetched.contains(&hash));
    // Opened once, and once more when it was fetched: not at every change of the note.
    let (url, unread) = use_memo(move || {
        let _ = fetched();
        match kept(&phone, &hash) {
            Ok(url) => (url, None),
            Err(error) => (None, Some(error_words(words, &error))),
        }
    })();
    let site = shown.photo.body_site.clone();
    let time = shown.photo.taken_at.map_or_else(|| words.say("photo-time-unknown"), moment);
    let alt = words.with("photo-alt", &[("site", site.clone().into()), ("time", time.clone().into())]);
    let (class, key) = standing(&shown);
    let is_missing = url.is_none() && unread.is_none();
    rsx! {
        figure { class: if open { "photo open" } else { "photo" }, "data-photo": "{shown.photo.number}",
            if let Some(url) = url {
                button { class: "look", "aria-expanded": open, onclick: move |_| desk.send.call(Event::PhotoTapped(hash)), Seen { url, alt } }
            }
            figcaption {
                b { "{site}" }
                span { class: "sub", "{time}" }
                if !shown.photo.caption.is_empty() { span { class: "body", "{shown.photo.caption}" } }
                span { class, {words.say(key)} }
                if !shown.photo.consent { span { class: "tag al", {words.say("photo-no-consent")} } }
                if open && !is_missing { TakenBy { note: desk.note, hash } }
                Trouble { said: unread }
                if is_missing && fetched() { p { class: "p bad", role: "alert", {words.say("photo-unreadable")} } }
                if is_missing && !fetched() {
                    button { class: "btn g", disabled: fetching, onclick: move |_| desk.send.call(Event::FetchTapped(hash)),
                        {words.say(if fetching { "photo-fetching" } else { "photo-fetch" })}
                    }
                }
                Trouble { said: failed }
                if is_draft { Removal { hash, site, time, desk } }
            }
        }
    }
}

/// 取り除く: asked once more, for two photos look alike; and undone by the button below the form.
#[component]
fn Removal(hash: ContentHash, site: String, time: String, desk: PhotoDesk) -> Element {
    let words = use_words();
    let asked = use_memo(move || desk.model().asked == Some(hash))();
    let named = words.with("keep-photo-remove-which", &[("site", site.into()), ("time", time.into())]);
    rsx! {
        if asked {
            p { class: "sub", role: "status", {words.say("keep-photo-remove-ask")} }
            button { class: "btn", onclick: move |_| desk.send.call(Event::RemoveAgreed(hash)), {words.say("keep-photo-remove-yes")} }
            button { class: "btn g", onclick: move |_| desk.send.call(Event::RemoveLeft), {words.say("keep-photo-remove-no")} }
        } else {
            button { class: "btn g", "aria-label": named, onclick: move |_| desk.send.call(Event::RemoveTapped(hash)), {words.say("keep-photo-remove")} }
        }
    }
}

/// What stands in this vault, for the page. Never kept anywhere else.
fn kept(phone: &Phone, hash: &ContentHash) -> Result<Option<Rc<str>>, DeviceError> {
    let bytes = phone.kept_photo(hash)?;
    Ok(bytes.and_then(|bytes| Picture::of_file(&bytes).ok()).map(|picture| picture.url().into()))
}

#[component]
fn Seen(url: Rc<str>, alt: String) -> Element {
    rsx! { img { src: "{url}", alt: "{alt}" } }
}

/// Whose hand took it, as the note's history tells.
#[component]
fn TakenBy(note: DocumentId, hash: ContentHash) -> Element {
    let words = use_words();
    let session = use_context::<Session>();
    let read = use_hook(|| match session.phone.note_history(note) {
        Ok(versions) => Some(taken_by(&versions, &hash)),
        Err(_) => None,
    });
    let Some(staff) = read else { return rsx! { span { class: "who", {words.say("keep-taker-unread")} } } };
    let directory = session.phone.directory().unwrap_or_default();
    let name = who(words, &directory, staff.as_ref(), None);
    rsx! { span { class: "who", {words.with("photo-by", &[("staff", name.into())])} } }
}

/// A new photo: chosen, then said of and agreed to, then taken.
#[component]
fn Taking(desk: PhotoDesk) -> Element {
    let words = use_words();
    let Model { chosen, site, caption, consent, named, refused, .. } = use_memo(move || desk.model())();
    let Some(picture) = chosen else {
        return rsx! {
            section { class: "card col gap", id: "photo-new",
                p { class: "sub", {words.say("photo-hint")} }
                PictureInput {
                    id: "photo-file", class: "btn", label: words.say("photo-pick"), accept: "image/*", camera: true, limit: PHOTO_LIMIT,
                    on_sent: move |(what, base64): (String, String)| desk.send.call(match read_sent(&what, &base64) {
                        Ok(picture) => Event::Chosen(picture),
                        Err(error) => Event::Refused(error_words(words, &error)),
                    }),
                }
                Trouble { said: refused }
            }
        };
    };
    let sites = words.say("photo-sites");
    let sites: Vec<(String, bool)> = sites.split('|').map(|known| (known.to_string(), known == site)).collect();
    rsx! {
        section { class: "card col gap", id: "photo-new",
            h2 { {words.say("photo-new")} }
            Preview { picture }
            p { class: "sub", role: "status", {words.say("photo-untaken")} }
            div { class: "chips", role: "group", "aria-label": words.say("photo-site"),
                for (known, on) in sites {
                    button { key: "{known}", class: if on { "chip on" } else { "chip" }, "aria-pressed": on,
                        onclick: {
                            let site = known.clone();
                            move |_| desk.send.call(Event::SiteNamed(site.clone()))
                        },
                        if on { "✓ " } "{known}"
                    }
                }
            }
            // The key mounts the field anew when a chip has named the site.
            for named in std::iter::once(named) {
                LineField { key: "{named}", id: "photo-site", label: words.say("photo-site"), initial: site.clone(), on_typed: move |typed| desk.send.call(Event::SiteTyped(typed)) }
            }
            LineField { id: "photo-caption", label: words.say("photo-caption"), initial: caption, on_typed: move |typed| desk.send.call(Event::CaptionTyped(typed)) }
            button { class: "consent", id: "photo-consent", role: "checkbox", "aria-checked": if consent { "true" } else { "false" },
                onclick: move |_| desk.send.call(Event::ConsentTapped),
                span { class: "tick", "aria-hidden": "true", if consent { "✓" } }
                span { class: "grow", {words.say("photo-consent")} }
            }
            Trouble { said: refused }
            button { class: "btn", id: "photo-take", onclick: move |_| desk.send.call(Event::TakeTapped), {words.say("photo-take")} }
            button { class: "btn g", id: "photo-dismiss", onclick: move |_| desk.send.call(Event::Dismissed), {words.say("photo-dismiss")} }
        }
    }
}

#[component]
fn Preview(picture: Picture) -> Element {
    let words = use_words();
    rsx! { img { class: "preview", src: picture.url(), alt: words.say("photo-chosen-alt") } }
}

/// One line. Uncontrolled: what stood there when it was mounted, and events out.
#[component]
fn LineField(id: &'static str, label: String, initial: String, on_typed: EventHandler<String>) -> Element {
    let initial = use_hook(|| initial);
    rsx! {
        div { class: "textfield",
            label { r#for: id, class: "k", "{label}" }
            input {
                id, class: "ta line", r#type: "text", autocomplete: "off", spellcheck: "false", maxlength: "{LINE_LIMIT}", initial_value: "{initial}",
                oninput: move |event: FormEvent| on_typed.call(event.value()),
            }
        }
    }
}
