//! `tsutsuji`: the app, and `tsutsuji demo`.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use tsutsuji::Launch;
use tsutsuji::platform::folder::{default_folder, language};

#[derive(Parser)]
#[command(name = "tsutsuji", version = device::VERSION, about = "つつじ — the app for visiting nurses that needs no signal")]
#[command(args_conflicts_with_subcommands = true, after_help = "Example: tsutsuji\nExample: tsutsuji demo")]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Args, Clone)]
struct Place {
    /// Show the app as a page on this port of 127.0.0.1 instead of a window (0 = any free port)
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// No window: a page on 127.0.0.1
    #[arg(long)]
    headless: bool,
    /// The one folder for everything that the app keeps
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// An embedded hub with sample patients, an enrolled device, and the app
    #[cfg(feature = "demo")]
    #[command(after_help = "Example: tsutsuji demo --headless --port 3030")]
    Demo {
        #[command(flatten)]
        place: Place,
    },
}

fn main() -> ExitCode {
    #[cfg(feature = "demo")]
    if hub::worker::is_wanted() {
        return hub::worker::main();
    }
    device::quiet::silence_panics();
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("TSUTSUJI_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter).init();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the system gave no event loop: {error}"))?;
    let _inside = runtime.enter();
    match cli.command {
        None => {
            let folder = cli.place.data.clone().unwrap_or_else(default_folder);
            std::fs::create_dir_all(&folder).map_err(|error| {
                format!("{} cannot be made ({}); give another with --data", folder.display(), error.kind())
            })?;
            #[cfg(feature = "demo")]
            let demo = Some(tsutsuji::platform::demo::invitation(&folder.join("demo")));
            #[cfg(not(feature = "demo"))]
            let demo = None;
            let launch = Launch {
                vault: folder.join("tsutsuji.vault"),
                biometrics: None,
                demo,
                pin_hint: None,
                language: language(),
                suspends: None,
            };
            show(&runtime, launch, &cli.place, &folder)
        }
        #[cfg(feature = "demo")]
        Some(Command::Demo { place }) => {
            use tsutsuji::platform::demo;
            let folder = place.data.clone().unwrap_or_else(|| default_folder().join("demo"));
            println!("Making the sample network ready …");
            let running = runtime.block_on(demo::start(&folder)).map_err(|error| {
                format!("{error}\nThe demo's folder is {}; remove it to begin anew.", folder.display())
            })?;
            println!("Hub:    {} (embedded; sample patients, fictitious)", running.hub.serving.url);
            println!("Data:   {}", folder.display());
            println!("PIN:    {}", demo::PIN);
            let launch = Launch {
                vault: running.vault.clone(),
                biometrics: None,
                demo: None,
                pin_hint: Some(demo::PIN.to_string()),
                language: language(),
                suspends: None,
            };
            show(&runtime, launch, &place, &folder)
        }
    }
}

/// The window where a display and WebKit are there, else (or when asked) the page.
fn show(
    runtime: &tokio::runtime::Runtime,
    launch: Launch,
    place: &Place,
    folder: &std::path::Path,
) -> Result<(), String> {
    let _ = (runtime, folder);
    #[cfg(feature = "desktop")]
    if !place.headless && place.port.is_none() && tsutsuji::platform::desktop::can_open() {
        println!("App:    the window つつじ (close it, or press Ctrl-C, to stop)");
        tsutsuji::platform::desktop::open(launch, folder);
        return Ok(());
    }
    #[cfg(feature = "preview")]
    {
        use tsutsuji::platform::preview;
        return runtime.block_on(async {
            let port = place.port.unwrap_or(0);
            let listener = preview::bind(port).await.map_err(|error| {
                format!("port {port} of 127.0.0.1 cannot be had ({}); give another with --port", error.kind())
            })?;
            let address = listener.local_addr().map_err(|error| error.to_string())?;
            println!("App:    http://{address}/ (open it in a browser; Ctrl-C stops everything)");
            tokio::select! {
                shown = preview::show(listener, launch) => shown.map_err(|error| format!("the page ended: {error}")),
                () = stopped() => Ok(()),
            }
        });
    }
    #[allow(unreachable_code)]
    Err("this build has neither window nor page; build it with --features desktop or preview".to_string())
}

/// Ctrl-C, or a polite kill.
#[cfg(feature = "preview")]
async fn stopped() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}
