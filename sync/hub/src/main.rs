fn main() -> std::process::ExitCode {
    if hub::worker::is_wanted() {
        return hub::worker::main();
    }
    hub::cli::main()
}
