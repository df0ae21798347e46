//! Choosing a picture: the camera on a phone, a file on a desktop.

use super::update::{Picture, read_sent};
use device::DeviceError;
use device::record::photo::PHOTO_LIMIT;
use dioxus::prelude::*;

/// Reads the chosen file in the page and sends it as base64: Dioxus' own file events are empty on phones and over a page's
/// socket. They are stopped here, else the file would travel a second time, as a list of numbers. Its name is not sent.
const READ_FILE: &str = r"
const input = document.getElementById('photo-file');
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

#[component]
pub fn PhotoInput(label: String, on_sent: EventHandler<Result<Picture, DeviceError>>) -> Element {
    rsx! {
        div { class: "photo-pick",
            input {
                id: "photo-file", class: "hidden", r#type: "file", accept: "image/*", capture: "environment",
                // Raw: it stops Dioxus' own click handler on the window, so that the system's chooser opens.
                "onclick": "event.stopPropagation()",
                onmounted: move |_| async move {
                    let mut page = document::eval(&format!("const limit = {PHOTO_LIMIT};{READ_FILE}"));
                    while let Ok((what, base64)) = page.recv::<(String, String)>().await {
                        on_sent.call(read_sent(&what, &base64));
                    }
                },
            }
            label { r#for: "photo-file", class: "btn", "{label}" }
        }
    }
}
