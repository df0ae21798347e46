fn main() -> std::process::ExitCode {
    device::cli::main()
}
