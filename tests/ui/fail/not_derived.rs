struct User;

pontoon::schema! { App { User } }

fn main() {}
