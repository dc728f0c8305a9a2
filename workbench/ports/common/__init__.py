"""What several ports share around the network: pictures in, boxes out, and the loading of originals' weights."""
