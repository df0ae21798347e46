//! Where the app keeps its one folder.

use std::path::PathBuf;

/// `$XDG_DATA_HOME/tsutsuji`, else `~/.local/share/tsutsuji`, else `./tsutsuji-data`.
pub fn default_folder() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(home)
        .map_or_else(|| PathBuf::from("tsutsuji-data"), |share| share.join("tsutsuji"))
}

/// English where the machine says so, Japanese everywhere else.
pub fn language() -> crate::text::Language {
    let said =
        ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    crate::text::Language::of_code(said.as_deref().filter(|said| said.starts_with("en")).unwrap_or("ja"))
}
