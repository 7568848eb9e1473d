#[test]
fn says() {
    println!("<\"é\"> & more");
}
