//! One page: the app, its tree, and a finger.

use super::faults::faults;
use super::folder::Folder;
use super::tree::{Place, ROOT, Tree, bubbles};
use super::{JA, Missed, Outcome};
use crate::app::{App, Launch, Route, Session, Shell};
use crate::platform::demo::PIN;
use crate::text::plain;
use dioxus::document::{Document, NoOpDocument};
use dioxus::html::{
    PlatformEventData, SerializedFocusData, SerializedFormData, SerializedHtmlEventConverter, SerializedKeyboardData,
    SerializedMouseData, set_event_converter,
};
use dioxus::prelude::*;
use std::any::Any;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// So long without anything to do is rest.
const QUIET: Duration = Duration::from_millis(20);
/// What has not come by then never does.
const PATIENCE: Duration = Duration::from_secs(30);
/// More work than this in one go is a loop.
const ROUNDS: usize = 500;
/// Scopes that are looked through for a context.
const SCOPES: usize = 5_000;

pub struct Page {
    vdom: VirtualDom,
    tree: Tree,
    focused: Option<Place>,
}

impl Drop for Page {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        // What still runs beside the test finds the vault closed, and ends.
        if let Some(session) = self.context::<Session>() {
            session.phone.suspend();
        }
    }
}

impl Page {
    /// The app as it starts.
    pub async fn open(launch: Launch) -> Self {
        let vdom = VirtualDom::new(App);
        vdom.provide_root_context(launch);
        Self::of(vdom).await
    }

    /// The app behind its PIN, whose digits were tapped.
    pub async fn unlocked(folder: &Folder) -> Outcome<Self> {
        let mut page = Self::open(folder.launch()).await;
        page.enter(PIN).await?;
        page.sees(&JA.say("today-title")).await?;
        Ok(page)
    }

    /// Any root.
    pub async fn of(mut vdom: VirtualDom) -> Self {
        set_event_converter(Box::new(SerializedHtmlEventConverter));
        // A page's scripts answer nothing here.
        vdom.provide_root_context::<Rc<dyn Document>>(Rc::new(NoOpDocument));
        let mut tree = Tree::new();
        vdom.rebuild(&mut tree);
        let mut page = Self { vdom, tree, focused: None };
        page.settle().await;
        page
    }

    /// Does what is to be done until there is rest. Whatever stands then is looked over.
    pub async fn settle(&mut self) {
        for round in 0.. {
            assert!(round < ROUNDS, "the page finds no rest:\n{}", self.outline());
            let rests = tokio::time::timeout(QUIET, self.vdom.wait_for_work()).await.is_err();
            self.vdom.render_immediate(&mut self.tree);
            let mounted = std::mem::take(&mut self.tree.mounted);
            for place in &mounted {
                self.fire(*place, "mounted", Box::new(()));
            }
            if rests && mounted.is_empty() && !self.draws_on() {
                break;
            }
        }
        let faults = faults(&self.tree);
        assert!(faults.is_empty(), "{faults:#?} in\n{}", self.outline());
    }

    /// Whether rows of a long list are still to come.
    fn draws_on(&self) -> bool {
        self.tree.all().into_iter().any(|place| self.tree.is(place, "class", "more"))
    }

    /// Waits until something is so.
    pub async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) -> Outcome {
        let began = Instant::now();
        while !is_so(self) {
            if began.elapsed() > PATIENCE {
                return Err(Missed(format!("it never came to this: {what}\n{}", self.outline())).into());
            }
            self.settle().await;
        }
        Ok(())
    }

    /// Waits until these words stand on the page.
    pub async fn sees(&mut self, words: &str) -> Outcome {
        self.until(words, |page| page.says(words)).await
    }

    pub fn says(&self, words: &str) -> bool {
        plain(&self.text()).contains(&plain(words))
    }

    /// What can be read on the page.
    pub fn text(&self) -> String {
        self.tree.seen(ROOT)
    }

    pub fn outline(&self) -> String {
        self.tree.outline()
    }

    /// An element by `#id`, else what is tapped or typed in by its name, or by a part of it.
    pub fn find(&self, which: &str) -> Outcome<Place> {
        let found = match which.strip_prefix('#') {
            Some(id) => self.tree.by_id(id),
            None => self.control(which),
        };
        found.ok_or_else(|| Missed(format!("{which} is not on the page:\n{}", self.outline())).into())
    }

    fn control(&self, name: &str) -> Option<Place> {
        let name = plain(name);
        let is_control = |place: &Place| matches!(self.tree.tag(*place), "button" | "input" | "textarea" | "summary");
        let named: Vec<(Place, String)> = {
            let controls = self.tree.all().into_iter().filter(is_control);
            controls.map(|place| (place, plain(&self.tree.name_of(place)))).collect()
        };
        let whole = named.iter().find(|(_, known)| *known == name);
        whole.or_else(|| named.iter().find(|(_, known)| known.contains(&name))).map(|(place, _)| *place)
    }

    pub fn has(&self, which: &str) -> bool {
        self.find(which).is_ok()
    }

    /// What stands in one element.
    pub fn text_of(&self, which: &str) -> Outcome<String> {
        Ok(self.tree.seen(self.find(which)?))
    }

    /// The heading that tells its changes by itself: which week or month is shown.
    pub fn period(&self) -> Outcome<String> {
        let is_period = |place: &Place| self.tree.tag(*place) == "h2" && self.tree.is(*place, "aria-live", "polite");
        let found = self.tree.all().into_iter().find(is_period);
        let heading = found.ok_or_else(|| Missed(format!("no period is shown:\n{}", self.outline())))?;
        Ok(plain(&self.tree.seen(heading)))
    }

    pub fn attribute(&self, which: &str, name: &str) -> Outcome<Option<String>> {
        Ok(self.tree.attribute(self.find(which)?, name).map(str::to_string))
    }

    /// Whether a tap on it does nothing.
    pub fn is_off(&self, which: &str) -> Outcome<bool> {
        Ok(self.attribute(which, "disabled")?.is_some())
    }

    /// A tap. It takes the focus from where it was.
    pub async fn click(&mut self, which: &str) -> Outcome {
        if self.is_off(which)? {
            return Err(Missed(format!("{which} is off:\n{}", self.outline())).into());
        }
        let place = self.find(which)?;
        self.leave().await;
        if !self.fire(place, "click", Box::new(SerializedMouseData::default())) {
            return Err(Missed(format!("nothing hears a tap on {which}:\n{}", self.outline())).into());
        }
        self.settle().await;
        Ok(())
    }

    /// Puts a text into a field in place of what stood there. The focus stays.
    pub async fn type_in(&mut self, which: &str, text: &str) -> Outcome {
        let place = self.find(which)?;
        if self.focused != Some(place) {
            self.leave().await;
            self.fire(place, "focus", Box::new(SerializedFocusData::default()));
            self.focused = Some(place);
        }
        let data = SerializedFormData::new(text.to_string(), Vec::new());
        if !self.fire(place, "input", Box::new(data)) {
            return Err(Missed(format!("nothing hears what is typed into {which}:\n{}", self.outline())).into());
        }
        self.settle().await;
        Ok(())
    }

    /// The focus goes from the field that has it.
    pub async fn leave(&mut self) {
        if let Some(place) = self.focused.take()
            && self.tree.is_there(place)
        {
            self.fire(place, "blur", Box::new(SerializedFocusData::default()));
            self.settle().await;
        }
    }

    /// A key of a hardware keyboard, at the element that would have the focus.
    pub async fn key(&mut self, at: &str, key: Key) -> Outcome {
        let place = self.tree.all().into_iter().find(|place| {
            let tree = &self.tree;
            tree.tag(*place) == at || tree.is(*place, "role", at)
        });
        let place = place.ok_or_else(|| Missed(format!("there is no {at} on the page:\n{}", self.outline())))?;
        let none = Modifiers::empty();
        let data = SerializedKeyboardData::new(key, Code::Unidentified, Location::Standard, false, none, false);
        if !self.fire(place, "keydown", Box::new(data)) {
            return Err(Missed(format!("nothing hears a key on {at}")).into());
        }
        self.settle().await;
        Ok(())
    }

    /// A PIN on the pad, digit by digit.
    pub async fn enter(&mut self, pin: &str) -> Outcome {
        for digit in pin.chars() {
            self.click(&digit.to_string()).await?;
        }
        self.click("#open").await
    }

    fn fire(&mut self, place: Place, event: &'static str, data: Box<dyn Any>) -> bool {
        // A number that was given back may be another element's by now.
        let hears = self.tree.is_there(place).then(|| self.tree.listener(place, event)).flatten();
        let Some(heard_by) = hears else { return false };
        let data: Rc<dyn Any> = Rc::new(PlatformEventData::new(data));
        self.vdom.runtime().handle_event(event, Event::new(data, bubbles(event)), heard_by);
        true
    }

    /// What the app's parts share, from the first that has it.
    pub fn context<T: Clone + 'static>(&self) -> Option<T> {
        let mut scopes = (0..SCOPES).map(ScopeId).filter(|scope| self.vdom.get_scope(*scope).is_some());
        scopes.find_map(|scope| self.vdom.in_scope(scope, try_consume_context::<T>))
    }

    /// The unlocked phone behind the page.
    pub fn session(&self) -> Outcome<Session> {
        self.context().ok_or_else(|| Missed(format!("the app is locked:\n{}", self.outline())).into())
    }

    /// Does something as a part of the app would.
    pub async fn act(&mut self, work: impl FnOnce()) {
        self.vdom.in_scope(ScopeId::ROOT, work);
        self.settle().await;
    }

    /// Straight to a screen.
    pub async fn go(&mut self, route: Route) -> Outcome {
        let shell = self.context::<Shell>().ok_or("the app has no shell")?;
        self.act(move || shell.go(route)).await;
        Ok(())
    }
}
