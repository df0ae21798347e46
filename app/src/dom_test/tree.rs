//! The page's tree, kept by the edits that Dioxus gives to every renderer.

use dioxus::dioxus_core::{AttributeValue, ElementId, Template, TemplateAttribute, TemplateNode, WriteMutations};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Where a node stands in [`Tree::nodes`]. Never used twice.
pub type Place = usize;

pub const ROOT: Place = 0;

/// An element, a text, or a place that is kept free: neither tag nor words.
#[derive(Debug, Default)]
pub struct Node {
    pub tag: Option<&'static str>,
    pub text: String,
    pub attributes: BTreeMap<&'static str, String>,
    pub children: Vec<Place>,
    listeners: BTreeSet<&'static str>,
    parent: Option<Place>,
    id: Option<ElementId>,
}

pub struct Tree {
    pub nodes: Vec<Node>,
    places: HashMap<ElementId, Place>,
    stack: Vec<Place>,
    /// Elements that wait to hear that they stand.
    pub mounted: Vec<Place>,
}

/// Tags that stand in the line of their neighbours.
const INLINE: &[&str] = &["span", "b", "i", "q", "strong", "svg", "path"];
/// Attributes that are there or not.
const BARE: &[&str] = &["disabled", "open", "autofocus", "hidden", "checked", "readonly", "required"];
/// Events that only the element itself hears.
const OWN: &[&str] = &["focus", "blur", "mounted"];

pub fn bubbles(event: &str) -> bool {
    !OWN.contains(&event)
}

impl Tree {
    pub fn new() -> Self {
        let mut tree = Self { nodes: Vec::new(), places: HashMap::new(), stack: Vec::new(), mounted: Vec::new() };
        let root = tree.make(Node { tag: Some("body"), ..Node::default() });
        tree.name(root, ElementId(0));
        tree
    }

    /// Everything below a place and itself, in the order of the page.
    pub fn under(&self, place: Place) -> Vec<Place> {
        let mut all = vec![place];
        for child in &self.nodes[place].children {
            all.extend(self.under(*child));
        }
        all
    }

    pub fn all(&self) -> Vec<Place> {
        self.under(ROOT)
    }

    pub fn is_there(&self, place: Place) -> bool {
        self.way_up(place).last() == Some(&ROOT)
    }

    /// The place, what it stands in, and so on.
    pub fn way_up(&self, place: Place) -> Vec<Place> {
        std::iter::successors(Some(place), |place| self.nodes[*place].parent).collect()
    }

    pub fn tag(&self, place: Place) -> &'static str {
        self.nodes[place].tag.unwrap_or_default()
    }

    pub fn attribute(&self, place: Place, name: &str) -> Option<&str> {
        self.nodes[place].attributes.get(name).map(String::as_str)
    }

    pub fn is(&self, place: Place, attribute: &str, value: &str) -> bool {
        self.attribute(place, attribute) == Some(value)
    }

    pub fn by_id(&self, id: &str) -> Option<Place> {
        self.all().into_iter().find(|place| self.is(*place, "id", id))
    }

    /// Who hears an event at a place: the element itself, or the nearest around it.
    pub fn listener(&self, place: Place, event: &str) -> Option<ElementId> {
        let hears = |place: &Place| self.nodes[*place].listeners.contains(event);
        let way = self.way_up(place);
        let reached = if bubbles(event) { way.len() } else { 1 };
        way.into_iter().take(reached).find(hears).and_then(|place| self.nodes[place].id)
    }

    /// What an eye reads, a line a block. What is folded away is left out.
    pub fn seen(&self, place: Place) -> String {
        let mut text = String::new();
        self.write(place, &mut text, &|_| true);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// What a screen reader reads of an element's own words, on one line.
    pub fn heard(&self, place: Place) -> String {
        let mut text = String::new();
        self.write(place, &mut text, &|place| !self.is(place, "aria-hidden", "true"));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn write(&self, place: Place, out: &mut String, keep: &dyn Fn(Place) -> bool) {
        let node = &self.nodes[place];
        if !keep(place) {
            return;
        }
        out.push_str(&node.text);
        let Some(tag) = node.tag else { return };
        let is_folded = tag == "details" && !node.attributes.contains_key("open");
        let is_block = !INLINE.contains(&tag);
        if is_block {
            out.push('\n');
        }
        for child in node.children.iter().filter(|child| !is_folded || self.tag(**child) == "summary") {
            self.write(*child, out, keep);
        }
        if is_block {
            out.push('\n');
        }
    }

    /// The accessible name: what it is labelled by, its label, its own words.
    pub fn name_of(&self, place: Place) -> String {
        let by = self.attribute(place, "aria-labelledby").and_then(|id| self.by_id(id)).map(|label| self.heard(label));
        let own = self.attribute(place, "aria-label").map(|label| label.trim().to_string());
        let given = by.into_iter().chain(own).find(|name| !name.is_empty());
        given.unwrap_or_else(|| match self.tag(place) {
            "input" | "textarea" | "select" => self.label_of(place).unwrap_or_default(),
            "img" => self.attribute(place, "alt").unwrap_or_default().to_string(),
            _ => self.heard(place),
        })
    }

    fn label_of(&self, field: Place) -> Option<String> {
        let id = self.attribute(field, "id")?;
        let mut labels = self.all().into_iter().filter(|place| self.tag(*place) == "label");
        labels.find(|label| self.is(*label, "for", id)).map(|label| self.heard(label))
    }

    /// Every element with its id, role and own words: what a failing test shows.
    pub fn outline(&self) -> String {
        let mut out = String::new();
        self.draw(ROOT, 0, &mut out);
        out
    }

    fn draw(&self, place: Place, depth: usize, out: &mut String) {
        let node = &self.nodes[place];
        let Some(tag) = node.tag else { return };
        let id = self.attribute(place, "id").map(|id| format!("#{id}")).unwrap_or_default();
        let role = self.attribute(place, "role").map(|role| format!(" [{role}]")).unwrap_or_default();
        let label = self.attribute(place, "aria-label").map(|label| format!(" ({label})")).unwrap_or_default();
        let off = if node.attributes.contains_key("disabled") { " off" } else { "" };
        let typed = self.attribute(place, "initial_value").map(|text| format!(" = {text}")).unwrap_or_default();
        let own: String = node.children.iter().map(|child| self.nodes[*child].text.as_str()).collect();
        out.push_str(&format!("{}{tag}{id}{role}{label}{off}{typed} {own}\n", "  ".repeat(depth)));
        for child in &node.children {
            self.draw(*child, depth + 1, out);
        }
    }

    fn make(&mut self, node: Node) -> Place {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn name(&mut self, place: Place, id: ElementId) {
        self.places.insert(id, place);
        self.nodes[place].id = Some(id);
    }

    fn place(&self, id: ElementId) -> Place {
        *self.places.get(&id).expect("Dioxus names only nodes that it has made")
    }

    fn of_template(&mut self, template: &TemplateNode) -> Place {
        match *template {
            TemplateNode::Element { tag, attrs, children, .. } => {
                let mut node = Node { tag: Some(tag), ..Node::default() };
                for attribute in attrs {
                    if let TemplateAttribute::Static { name, value, .. } = *attribute {
                        node.attributes.insert(name, value.to_string());
                    }
                }
                let place = self.make(node);
                for child in children {
                    let child = self.of_template(child);
                    self.put_last(place, child);
                }
                place
            }
            TemplateNode::Text { text } => self.make(Node { text: text.to_string(), ..Node::default() }),
            TemplateNode::Dynamic { .. } => self.make(Node::default()),
        }
    }

    /// Below the node that lies on top of the stack.
    fn below(&self, path: &[u8]) -> Place {
        let top = *self.stack.last().expect("Dioxus speaks of what lies on the stack");
        path.iter().fold(top, |place, step| self.nodes[place].children[usize::from(*step)])
    }

    fn pop(&mut self, count: usize) -> Vec<Place> {
        self.stack.split_off(self.stack.len() - count)
    }

    fn put_last(&mut self, parent: Place, child: Place) {
        self.take_out(child);
        self.nodes[child].parent = Some(parent);
        self.nodes[parent].children.push(child);
    }

    fn take_out(&mut self, place: Place) {
        if let Some(parent) = self.nodes[place].parent.take() {
            self.nodes[parent].children.retain(|child| *child != place);
        }
    }

    /// Puts nodes beside one that stands: `after` places behind its first edge.
    fn put_beside(&mut self, stands: Place, after: usize, new: Vec<Place>) {
        for place in &new {
            self.take_out(*place);
        }
        let parent = self.nodes[stands].parent.expect("Dioxus puts nodes only beside one that stands");
        let siblings = &self.nodes[parent].children;
        let at = siblings.iter().position(|place| *place == stands).expect("a child stands among its siblings");
        for (i, place) in new.into_iter().enumerate() {
            self.nodes[place].parent = Some(parent);
            self.nodes[parent].children.insert(at + after + i, place);
        }
    }

    fn replace(&mut self, old: Place, new: Vec<Place>) {
        self.put_beside(old, 0, new);
        self.take_out(old);
    }
}

impl WriteMutations for Tree {
    fn append_children(&mut self, id: ElementId, m: usize) {
        let parent = self.place(id);
        for child in self.pop(m) {
            self.put_last(parent, child);
        }
    }

    fn assign_node_id(&mut self, path: &'static [u8], id: ElementId) {
        let place = self.below(path);
        self.name(place, id);
    }

    fn create_placeholder(&mut self, id: ElementId) {
        self.create_text_node("", id);
    }

    fn create_text_node(&mut self, value: &str, id: ElementId) {
        let place = self.make(Node { text: value.to_string(), ..Node::default() });
        self.name(place, id);
        self.stack.push(place);
    }

    fn load_template(&mut self, template: Template, index: usize, id: ElementId) {
        let place = self.of_template(&template.roots[index]);
        self.name(place, id);
        self.stack.push(place);
    }

    fn replace_node_with(&mut self, id: ElementId, m: usize) {
        let new = self.pop(m);
        self.replace(self.place(id), new);
    }

    fn replace_placeholder_with_nodes(&mut self, path: &'static [u8], m: usize) {
        let new = self.pop(m);
        self.replace(self.below(path), new);
    }

    fn insert_nodes_after(&mut self, id: ElementId, m: usize) {
        let new = self.pop(m);
        self.put_beside(self.place(id), 1, new);
    }

    fn insert_nodes_before(&mut self, id: ElementId, m: usize) {
        let new = self.pop(m);
        self.put_beside(self.place(id), 0, new);
    }

    fn set_attribute(&mut self, name: &'static str, ns: Option<&'static str>, value: &AttributeValue, id: ElementId) {
        // `color: "…"` is a part of the inline style.
        let name = if ns == Some("style") { "style" } else { name };
        let said = match value {
            AttributeValue::Text(text) => Some(text.clone()),
            AttributeValue::Float(number) => Some(number.to_string()),
            AttributeValue::Int(number) => Some(number.to_string()),
            AttributeValue::Bool(flag) => (*flag || !BARE.contains(&name)).then(|| flag.to_string()),
            AttributeValue::Listener(_) | AttributeValue::Any(_) | AttributeValue::None => None,
        };
        let place = self.place(id);
        let attributes = &mut self.nodes[place].attributes;
        match said {
            Some(said) => attributes.insert(name, said),
            None => attributes.remove(name),
        };
    }

    fn set_node_text(&mut self, value: &str, id: ElementId) {
        let place = self.place(id);
        self.nodes[place].text = value.to_string();
    }

    fn create_event_listener(&mut self, name: &'static str, id: ElementId) {
        let place = self.place(id);
        self.nodes[place].listeners.insert(name);
        if name == "mounted" {
            self.mounted.push(place);
        }
    }

    fn remove_event_listener(&mut self, name: &'static str, id: ElementId) {
        let place = self.place(id);
        self.nodes[place].listeners.remove(name);
    }

    fn remove_node(&mut self, id: ElementId) {
        let place = self.place(id);
        self.take_out(place);
    }

    fn push_root(&mut self, id: ElementId) {
        let place = self.place(id);
        self.stack.push(place);
    }
}
