//! Choosing a picture: the camera on a phone, a file on a desktop.

use dioxus::prelude::*;

/// Reads the chosen file in the page and sends it as base64: Dioxus' own file events are empty on phones and over a page's
/// socket. They are stopped here, else the file would travel a second time, as a list of numbers. Its name is not sent.
const READ_FILE: &str = r"
const input = document.getElementById(id);
const read = () => {
    const file = input.files[0];
    if (!file) return;
    if (file.size > limit) {
        dioxus.send(['large', '']);
    } else {
        const reader = new FileReader();
        reader.onload = () => dioxus.send(['picture', reader.result.split(',')[1] ?? '']);
        reader.onerror = () => dioxus.send(['unread', '']);
        reader.readAsDataURL(file);
    }
    input.value = '';
};
input.addEventListener('input', (event) => event.stopPropagation());
input.addEventListener('change', (event) => {
    event.stopPropagation();
    read();
});
// One that was chosen before anybody listened.
read();
await new Promise(() => {});
";

/// A button for a picture of at most `limit` bytes; with `camera` a phone opens its camera instead of its pictures.
/// `on_sent` hears `picture` and the file in base64, or `large`, or `unread`.
#[component]
pub fn PictureInput(
    id: &'static str,
    class: &'static str,
    label: String,
    accept: &'static str,
    camera: bool,
    limit: usize,
    on_sent: EventHandler<(String, String)>,
) -> Element {
    rsx! {
        div { class: "photo-pick",
            input {
                id, class: "hidden", r#type: "file", accept, capture: if camera { "environment" },
                // Raw: it stops Dioxus' own click handler on the window, so that the system's chooser opens.
                "onclick": "event.stopPropagation()",
                onmounted: move |_| async move {
                    let mut page = document::eval(&format!("const id = '{id}', limit = {limit};{READ_FILE}"));
                    while let Ok(sent) = page.recv::<(String, String)>().await {
                        on_sent.call(sent);
                    }
                },
            }
            label { r#for: id, class, "{label}" }
        }
    }
}
